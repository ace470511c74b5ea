"""Human-readable names of a study's data sets, metrics, arms and differences."""

import math
from enum import StrEnum

from fbn.studies.affect_arms import SINGLE, UNCOUPLED
from fbn.studies.measure import TOGETHER

_SETS = {
    "rafdb": "RAF-DB",
    "emotionet": "EmotioNet",
    "bp4d": "BP4D",
    "affwild2": "Aff-Wild2",
    "disfa": "DISFA",
    "afew-va": "AFEW-VA",
    "affectnet": "AffectNet",
    "ferplus": "FER+",
    "ckplus": "CK+",
    TOGETHER: "All AU sets",
}
#: Task -> its display name.
TASKS = {"expression": "Expressions", "units": "Action units", "affect": "Valence and arousal"}
METRICS = {
    "ccc_valence": "valence CCC",
    "ccc_arousal": "arousal CCC",
    "mean_diagonal": "mean diagonal",
    "accuracy": "accuracy",
    "expression_f1": "expression F1",
    "f1": "AU F1",
    "auc": "AU ROC area",
    "afa": "AU AFA",
    "recall": "recall",
}
METRIC_HELP = (
    "CCC: concordance of predicted and true valence or arousal, 1 is perfect. Mean diagonal: mean recall of "
    "expressions. AU F1: mean over action units. AFA: mean of AU F1 and AU accuracy. ROC area: 0.5 is guessing. "
    "Filtered: each frame's prediction replaced by the median of five frames. Unseen: no such labels of that set were "
    "trained on."
)
LOSSES = {
    "expression": "Expressions",
    "action_units": "Action units",
    "valence_arousal": "Valence and arousal (1 − CCC)",
    "valence_arousal_mse": "Valence and arousal (squared error)",
    "co_annotation": "Co-annotation",
    "soft_co_annotation": "Soft co-annotation",
    "distribution_matching": "Distribution matching",
}
#: Kind of labels -> its display name.
LABELS = {"expression": "expressions", "action_units": "action units", "valence_arousal": "valence and arousal"}
#: Baselines of differences: prefix of the columns -> display name.
SIDES = {"uncoupled": "no coupling", "single": "single-task"}
SIDE_HELP = (
    "No coupling: the same network on the same three tasks, without any coupling loss (architectures: the same "
    "architecture uncoupled). Single-task: a network for each task alone."
)
GROUPS = {
    "tasks": "Tasks",
    "coupling": "Couplings",
    "table": "Tables",
    "form": "Forms of the losses",
    "weight": "Weights and schedule",
    "architecture": "Architectures",
}
_ARMS = {
    UNCOUPLED: "No coupling",
    SINGLE: "Single-task networks",
    "co": "Co-annotation",
    "soft": "Soft co-annotation",
    "match": "Distribution matching",
    "both": "Soft co-annotation + matching",
    "all": "All three losses",
}
#: Suffix of an arm's name (its table) -> display name.
_TABLES = {"inferred": "counted table", "affwild2": "Aff-Wild2's table"}


class Verdict(StrEnum):
    """Whether the 95 % interval of a difference lies above 0, below 0, or contains it."""

    BETTER = "better"
    WORSE = "worse"
    OPEN = "cannot be told"

    @property
    def mark(self) -> str:
        """A symbol, so that colour is not the only cue."""
        return {"better": "▲", "worse": "▼"}.get(self.value, "○")


def verdict(low: float, high: float) -> Verdict:
    """Return the verdict of an interval; OPEN for NaN, as with a single seed."""
    return Verdict.BETTER if low > 0 else Verdict.WORSE if high < 0 else Verdict.OPEN


def set_name(name: str) -> str:
    """Return the display name of a data set."""
    base = name.removesuffix("-expressions")
    return _SETS.get(base, base)


def measure_name(of_set: str, figure: str, filtered: bool = False, unseen: bool = False) -> str:
    """Return the display name of a metric on a data set, marked if filtered or if the labels were not trained on."""
    marks = [word for word, there in (("filtered", filtered), ("unseen", unseen)) if there]
    return f"{set_name(of_set)} · {METRICS.get(figure, figure)}" + (f" ({', '.join(marks)})" if marks else "")


def arm_name(name: str, description: str = "") -> str:
    """Return the display name of an arm: a short form if there is one, else its description.

    Args:
        name: as in the tables on disk.
        description: from the study.
    """
    base, _, table = name.partition(".")
    if base not in _ARMS:
        return (description[:1].upper() + description[1:]) or name
    return _ARMS[base] + (f", {_TABLES.get(table, table)}" if table else "")


def signed(value: float, digits: int = 3) -> str:
    """Format a number with its sign and a typographic minus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def interval(difference: float, low: float, high: float) -> str:
    """Format a difference and its interval; NaN limits mean a single seed."""
    if math.isnan(low) or math.isnan(high):
        return f"{signed(difference)}, one seed"
    return f"{signed(difference)} ({signed(low)} to {signed(high)})"

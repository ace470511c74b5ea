"""What the study's sets, metrics, rows and losses are called on the page; without Streamlit."""

from enum import StrEnum

from fbn.studies.affect_arms import SINGLE, UNCOUPLED
from fbn.studies.measure import TOGETHER
from fbn.studies.read import Studied
from fbn.studies.records import Key, SeedDifference

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
    "CCC: concordance of read and true valence or arousal, 1 is perfect. Mean diagonal: mean recall of expressions. "
    "AU F1: mean over action units. AFA: mean of AU F1 and AU accuracy. ROC area: 0.5 is guessing. Filtered: each "
    "frame's reading replaced by the median of five frames. Unseen: no such labels of that set were trained on."
)
TERMS = {
    "expression": "Expressions",
    "action_units": "Action units",
    "valence_arousal": "Valence and arousal (1 − CCC)",
    "valence_arousal_mse": "Valence and arousal (squared error)",
    "co_annotation": "Co-annotation",
    "soft_co_annotation": "Soft co-annotation",
    "distribution_matching": "Distribution matching",
}
#: What pictures are labelled with.
LABELS = {"expression": "expressions", "action_units": "action units", "valence_arousal": "valence and arousal"}
#: What a difference is told against: key of a figure, name.
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


class Verdict(StrEnum):
    """Where the interval of a difference lies."""

    BETTER = "better"
    WORSE = "worse"
    OPEN = "cannot be told"

    @property
    def mark(self) -> str:
        """One sign for it, so that no colour has to be told."""
        return {"better": "▲", "worse": "▼"}.get(self.value, "○")


def verdict(difference: SeedDifference) -> Verdict:
    """By Student's 95 % interval over seeds: above 0, below 0, or neither; one seed tells nothing."""
    if difference.low is None or difference.high is None:
        return Verdict.OPEN
    return Verdict.BETTER if difference.low > 0 else Verdict.WORSE if difference.high < 0 else Verdict.OPEN


def set_name(name: str) -> str:
    """A set for people."""
    base = name.removesuffix("-expressions")
    return _SETS.get(base, base)


def key_name(studied: Studied, key: Key, short: bool = False) -> str:
    """A figure for people: its set, its metric, whether it is filtered, whether the set was never trained on."""
    name, figure, filtered = key
    marks = [word for word, there in (("filtered", filtered), ("unseen", not studied.trained_on(name))) if there]
    metric = METRICS.get(figure, figure)
    return f"{set_name(name)} · {metric}" + (f" ({', '.join(marks)})" if marks and not short else "")


def begun(words: str) -> str:
    """With a large first letter, the others as they are."""
    return words[:1].upper() + words[1:]


def row_name(name: str) -> str:
    """A row for people; the two that others are held against are named in words."""
    return {UNCOUPLED: "no coupling", SINGLE: "single-task"}.get(name, name)


def signed(value: float, digits: int = 3) -> str:
    """With its sign, a true minus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def interval(difference: SeedDifference, digits: int = 3) -> str:
    """A difference and its interval."""
    if difference.low is None or difference.high is None:
        return f"{signed(difference.difference, digits)}, one seed"
    low, high = signed(difference.low, digits), signed(difference.high, digits)
    return f"{signed(difference.difference, digits)} ({low} to {high})"


def about(studied: Studied) -> str:
    """What was done, in a line."""
    study, labelled = studied.summary.study, studied.summary.labelled
    sets = ", ".join(dict.fromkeys(set_name(name) for name in studied.summary.trained_on))
    parts = ["drawn faces" if studied.drawn else f"real faces: {sets}"]
    parts.append(f"budget {study.get('budget', '?')}")
    parts.append(f"{studied.seeds} seed{'s' if studied.seeds != 1 else ''}")
    if counts := sorted(set(studied.steps.values()), reverse=True):
        # fewer are of rows that are slow
        parts.append(f"{' or '.join(f'{count:,}' for count in counts)} steps")
    if units := labelled.get("action_units"):
        parts.append(f"AU labels on {units:,} of {sum(labelled.values()):,} training pictures")
    # gone on with after the code changed
    if (codes := len({line.get("git_sha") for line in studied.runs})) > 1:
        parts.append(f"{codes} revisions of the code")
    return " · ".join([begun(parts[0]), *parts[1:], studied.summary.date])

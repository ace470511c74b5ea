"""How the study ``affect`` is shown: names in words, what is read first, the papers' tables, the form to run it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fbn.studies.affect_arms import SINGLE, UNCOUPLED
from fbn.studies.display import (
    Compared,
    Details,
    Display,
    First,
    Form,
    Metric,
    Papers,
    PaperTable,
    Scarce,
    Situations,
)
from fbn.studies.measure import FIGURES, TOGETHER
from fbn.vocabulary import ACTION_UNITS

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
_TITLES = {
    "ccc_valence": "valence CCC",
    "ccc_arousal": "arousal CCC",
    "mean_diagonal": "mean diagonal",
    "accuracy": "accuracy",
    "expression_f1": "expression F1",
    "f1": "AU F1",
    "auc": "AU ROC area",
    "afa": "AU AFA",
}
#: Recall of single expressions, which is no figure of a data set.
_RECALL = {"recall": Metric("recall", "expression")}
_HELP = (
    "CCC: concordance of predicted and true valence or arousal, 1 is perfect. Mean diagonal: mean recall of "
    "expressions. AU F1: mean over action units. AFA: mean of AU F1 and AU accuracy. ROC area: 0.5 is guessing. "
    "Filtered: each frame's prediction replaced by the median of five frames. Unseen: no such labels of that set were "
    "trained on."
)
_SIDE_HELP = (
    "No coupling: the same network on the same three tasks, without any coupling loss (architectures: the same "
    "architecture uncoupled). Single-task: a network for each task alone."
)
_UNITS = {unit.short: unit for unit in ACTION_UNITS}

COMPARED = (
    Compared("Soft co-annotation + matching − no coupling", "both", UNCOUPLED),
    Compared("Co-annotation − no coupling", "co", UNCOUPLED),
    Compared("Soft co-annotation − no coupling", "soft", UNCOUPLED),
    Compared("Distribution matching − no coupling", "match", UNCOUPLED),
    Compared("No coupling − single-task", UNCOUPLED, SINGLE, "single"),
    Compared("Soft co-annotation + matching − single-task", "both", SINGLE, "single"),
)
_PAPERS = Papers(
    names=("A", "C"),
    compared=COMPARED,
    source="Paper A: Kollias et al., Distribution Matching for Heterogeneous Multi-Task Learning, Tables III and V "
    "(residual network). Paper C: Kollias et al., Face Behavior à la carte, Table 2 (VGG-FACE). Other faces, far "
    "larger sets and networks: directions can be compared, sizes cannot. Where A's Table III holds unfiltered figures "
    "against filtered, Table V's stand. Same direction: yes or no where our interval leaves out 0; the papers give "
    "none, there a difference counts from 0.005.",
    claims=(
        "Both couplings together are better than no coupling on every set (A Table III, C Table 2).",
        "Without coupling, A's network of all tasks is worse than single-task networks on some tasks; coupling makes "
        "up for it. C's is better than single-task networks even without coupling.",
        "Valence and arousal gain, though no loss couples them.",
    ),
    # the papers' second table was counted on a data set, like a study's inferred one
    tables={
        "du2014": PaperTable("Du 2014's table"),
        "counted": PaperTable("A table counted on data", ".affwild2", (".inferred", ".affwild2")),
    },
    plain=UNCOUPLED,
    renamed={"-expressions/": "/"},
)
_BUDGETS = {
    "smoke": "To see that all works. Its figures mean nothing.",
    "lesson": "Steps enough to see co-annotation work on scarce AU labels. Others want more.",
    "small": "Two thirds of the steps of most studies that ship with fbn. Choose fewer rows for less; architectures "
    "are slow, and have fewer steps and seeds.",
}
_FORM = Form(
    budgets=_BUDGETS,
    budget_help="How many faces, steps and seeds. The shipped network's own size, fbn study affect --budget full, "
    "wants a GPU.",
    arms=("single-expression", "single-au", "single-va", UNCOUPLED, "co", "both"),
    fields={
        "action_units": (
            "AU pictures",
            "Training pictures with AU labels, the others having an expression or valence and arousal. The scarcer "
            "they are, the more there is for expressions to teach. Left empty: as the budget has it.",
        )
    },
    data_label="On real faces: folder of data sets",
    data_help="With FER+, AffectNet and CK+ in it; left empty, faces are drawn.",
)


def _first(_: Mapping[str, Any]) -> First:
    return First(("both", "both.inferred", "both.affwild2"), ("f1",))


def _pictures(labelled: Mapping[str, int], _: Mapping[str, Any]) -> int:
    # every training picture has labels of one task
    return sum(labelled.values())


def _label_part(name: str, tables: Sequence[Mapping[str, Any]]) -> str:
    """Return the name of an AU or expression; a star marks AUs that are in none of the tables."""
    if (unit := _UNITS.get(name)) is None:
        return name.capitalize()
    coupled = {code for table in tables for cells in table.get("rows", {}).values() for code in cells}
    return f"{name} {unit.name}" + ("*" if tables and unit.code not in coupled else "")


#: Names of the figures of expressions, AUs, valence and arousal, for all studies of these tasks.
FIGURES_DISPLAY = Display(
    tasks={"expression": "Expressions", "units": "Action units", "affect": "Valence and arousal"},
    metrics={name: Metric(_TITLES[name], task) for name, (task, _) in FIGURES.items()} | _RECALL,
    help=_HELP,
    labels={"expression": "expressions", "action_units": "action units", "valence_arousal": "valence and arousal"},
    losses={
        "expression": "Expressions",
        "action_units": "Action units",
        "valence_arousal": "Valence and arousal (1 − CCC)",
        "valence_arousal_mse": "Valence and arousal (squared error)",
        "co_annotation": "Co-annotation",
        "soft_co_annotation": "Soft co-annotation",
        "distribution_matching": "Distribution matching",
    },
    details_title="AUs and expressions",
    details={
        "f1": Details(
            "Action units",
            "F1",
            "F1 of each action unit that is active in at least three of the measured pictures, mean over seeds. "
            "*: no expression of the coupled arms' tables has it, so no loss couples it.",
        ),
        "recall": Details(
            "Expressions", "recall", "Of the pictures of each expression, the share that is named so; mean over seeds."
        ),
    },
    parts=tuple(_UNITS),
    part_label=_label_part,
)

DISPLAY = replace(
    FIGURES_DISPLAY,
    title="Expressions, AUs, valence and arousal",
    faces=("Drawn faces", "Real faces: {sets}"),
    # a second entry of a data set has its expressions, which are not trained on
    sets=_SETS | {f"{name}-expressions": title for name, title in _SETS.items()},
    mean=TOGETHER,
    groups={
        "tasks": "Tasks",
        "coupling": "Couplings",
        "table": "Tables",
        "form": "Forms of the losses",
        "weight": "Weights and schedule",
        "architecture": "Architectures",
    },
    arms={
        UNCOUPLED: "No coupling",
        SINGLE: "Single-task networks",
        "co": "Co-annotation",
        "soft": "Soft co-annotation",
        "match": "Distribution matching",
        "both": "Soft co-annotation + matching",
        "all": "All three losses",
    },
    suffixes={"inferred": "counted table", "affwild2": "Aff-Wild2's table"},
    side_help=_SIDE_HELP,
    first=_first,
    best=frozenset({"soft_co_annotation", "distribution_matching"}),
    scarce=Scarce("action_units", "action_units", "AU", _pictures),
    situations=Situations(
        aspects=(
            ("Expressions not trained on", ("mean_diagonal", "expression_f1", "accuracy"), False),
            ("Action units", ("f1",), True),
            ("Expressions", ("mean_diagonal", "expression_f1", "accuracy"), True),
            ("Valence", ("ccc_valence",), True),
            ("Arousal", ("ccc_arousal",), True),
        ),
        arms=("all", "both"),
    ),
    papers=_PAPERS,
    form=_FORM,
)

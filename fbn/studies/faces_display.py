"""How the study ``faces`` is shown: names in words, what is read first, the paper's table, the form to run it."""

from collections.abc import Mapping
from typing import Any

from fbn.studies.display import Compared, Details, Display, First, Form, Metric, Papers, Scarce, Situations
from fbn.studies.faces_data import KNOWN, UNKNOWN

SINGLE, UNCOUPLED = "single-task", "none"
_HELP = (
    "Identity: the person's name, of those trained on; accuracy is the share of pictures named rightly, F1 the mean "
    "over people. Attributes, such as eyeglasses: accuracy is the share of right answers over all attributes; "
    "balanced accuracy (0.5 is guessing), F1 and ROC area (0.5 is guessing) are means over the attributes that at "
    "least ten measured pictures have and ten lack. Implied attributes: those that the table gives for the predicted "
    "person. Known people: other pictures of people trained on. Strangers: people never trained on, of whom only "
    "attributes can be read."
)
_BY_NAME = "mean over seeds. Attributes that fewer than ten measured pictures have, or lack, are left out."
_PAPERS = Papers(
    names=("A",),
    compared=(
        Compared("Distribution matching − no coupling", "match", UNCOUPLED),
        Compared("Late matching to q − no coupling", "match", UNCOUPLED, own="match-late"),
        Compared("No coupling − single-task", UNCOUPLED, SINGLE, "single"),
        Compared("Distribution matching − single-task", "match", SINGLE, "single"),
    ),
    source="Paper A: Kollias et al., Distribution Matching for Heterogeneous Multi-Task Learning, Table VIII: CelebA "
    "with all of its people, larger networks. Here a part of it or drawn people, and small networks: directions can be "
    "compared, sizes cannot. Same direction: yes or no where our interval leaves out 0; the paper gives none, there a "
    "difference counts from 0.0005.",
    claims=(
        "Identity and attributes are both recognised better with distribution matching than without.",
        "One network of both tasks, without any coupling, is better than two single-task networks.",
    ),
    plain=UNCOUPLED,
    digits=3,
)
_FORM = Form(
    budgets={
        "smoke": "To see that all works. Its figures mean nothing.",
        "lesson": "20 people, some minutes. Steps enough to see identities learned; differences want more seeds.",
        "small": "205 people and 600 steps, as the studies that ship with fbn. Choose fewer rows for less; "
        "architectures are slow, and have fewer steps.",
    },
    budget_help="How many people, steps and seeds. Full resolution, fbn study faces --budget full, wants a GPU.",
    arms=("single-identity", "single-attributes", UNCOUPLED, "match"),
    fields={
        "people": (
            "People",
            "How many people; a fifth of them are strangers, never trained on. Left empty: as the "
            "budget has it; of CelebA, all.",
        ),
        "attributes": (
            "Attributes (%)",
            "Percentage of the training pictures that have attribute labels. The scarcer they are, the more there is "
            "for identities to teach. Left empty: all, or half with one label a picture.",
        ),
        "labels": (
            "Labels",
            "both: every training picture has an identity. one: every picture has a label of one task only.",
        ),
    },
    data_label="On real faces: folder of data sets",
    data_help="With CelebA in it (a folder celeba); left empty, people are drawn.",
)


def _first(request: Mapping[str, Any]) -> First:
    """Return what PLAN.md reads first: other arms and figures where attribute labels are scarce."""
    if request.get("attributes"):
        return First(("match-late", "match"), ("attribute_auc", "attribute_balanced"))
    return First(("match", "match-late"), ("identity_accuracy", "attribute_balanced"))


def _pictures(labelled: Mapping[str, int], request: Mapping[str, Any]) -> int:
    counts = labelled.values()
    return sum(counts) if request.get("labels") == "one" else max(counts, default=0)


DISPLAY = Display(
    title="Identity and attributes",
    tasks={"identity": "Identity", "attributes": "Attributes", "implied": "Attributes implied by the identity"},
    metrics={
        "identity_accuracy": Metric("identity accuracy", "identity"),
        "identity_f1": Metric("identity F1", "identity"),
        "attribute_accuracy": Metric("attribute accuracy", "attributes"),
        "attribute_balanced": Metric("balanced accuracy", "attributes"),
        "attribute_f1": Metric("attribute F1", "attributes"),
        "attribute_auc": Metric("ROC area", "attributes"),
        "implied_accuracy": Metric("implied accuracy", "implied"),
        "implied_balanced": Metric("implied balanced accuracy", "implied"),
    },
    help=_HELP,
    sets={KNOWN: "Known people", UNKNOWN: "Strangers"},
    marks_unseen=False,
    faces=("Drawn people", "CelebA"),
    labels={"identity": "identity", "attributes": "attributes"},
    losses={
        "identity": "Identity",
        "attributes": "Attributes",
        "distribution_matching": "Distribution matching",
    },
    groups={
        "tasks": "Tasks",
        "coupling": "Coupling",
        "form": "Forms of the loss",
        "weight": "Weights",
        "table": "Tables",
        "architecture": "Architectures",
    },
    arms={
        UNCOUPLED: "No coupling",
        SINGLE: "Single-task networks",
        "match": "Distribution matching",
        "match-printed": "Matching as printed",
        "match-cross-entropy": "Matching by cross entropy",
        "match-soft-target": "Matching to q",
        "match-to-identity": "Matching, identity alone moved",
        "match-late": "Late matching to q",
        "none-equal": "No coupling, printed weights",
        "match-equal": "Matching, printed weights",
        "match-shuffled": "Matching, shuffled table",
        "match-late-shuffled": "Late matching, shuffled table",
        "match-mean": "Matching, mean row for all",
        "match-given": "Matching, table of trained labels",
    },
    side_help="No coupling: the same network on both tasks, without the coupling loss (other weights and "
    "architectures: with the same ones). Single-task: a network for each task alone.",
    first=_first,
    best=frozenset({"distribution_matching"}),
    details_title="Attributes",
    details={
        "attribute_balanced": Details(
            "Balanced accuracy", "balanced accuracy", f"Mean of the recalls of present and absent, {_BY_NAME}"
        ),
        "attribute_f1": Details("F1", "F1", f"F1 of each attribute, {_BY_NAME}"),
    },
    scarce=Scarce("attributes", "attributes", "attribute", _pictures),
    situations=Situations(
        aspects=(
            ("Identity, accuracy", ("identity_accuracy",), True),
            ("Attributes, ROC area", ("attribute_auc",), True),
            ("Attributes, balanced accuracy", ("attribute_balanced",), True),
            ("Attributes of strangers, ROC area", ("attribute_auc",), False),
        ),
        arms=("match-late",),
    ),
    papers=_PAPERS,
    form=_FORM,
)

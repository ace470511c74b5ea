"""The arms of the study ``affect``.

A new coupling loss, table or architecture gets default arms automatically, from its line in ``COUPLINGS``
(``fbn.losses.terms``), ``TABLES`` (``fbn.studies.material``) or ``BODIES`` (``fbn.models.zoo``).

Besides fields of the recipe, ``Arm.changes`` may have the keys:

- ``table``: a name in ``TABLES``, for the coupling terms.
- ``tasks``: tasks that the network predicts and is trained on; all by default.
- ``narrow``: changes that make a large network small enough to train on two cores (``AffectBudget.narrow``).
- ``share``: fraction of each batch's pictures that is used, for the same reason.
- ``after``: fraction of the run after which the coupling terms are switched on.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fbn.losses import COUPLINGS
from fbn.models.zoo import BODIES
from fbn.studies.material import TABLES
from fbn.studies.study import Arm, by_name
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL, Task

#: In the order of the tables.
GROUPS = ("tasks", "coupling", "table", "form", "weight", "architecture")
#: The baselines of differences.
UNCOUPLED, SINGLE = "none", "single-task"

_HALF, _QUARTER, _EIGHTH = (
    # no dropout: it slows learning too much for runs of few steps
    {"network_args": {"width": width, "dropout": 0.0}, "warmup": 20}
    for width in (1 / 2, 1 / 4, 1 / 8)
)
_CO = {"co_annotation": 0.5}
_SOFT = {"soft_co_annotation": 0.3}
_MATCH = {"distribution_matching": 0.2}
_BOTH = _SOFT | _MATCH
#: Weight of a coupling loss without arms here.
_NEW = 0.3


def _single(name: str, description: str, task: Task, network: str) -> Arm:
    return Arm(name, "tasks", description, {"tasks": (task,), "network": network}, part_of=SINGLE)


def _coupled(name: str, group: str, description: str, terms: Mapping[str, Any], **changes: Any) -> Arm:
    changes = {"objective": terms, "table": "du2014"} | changes
    return Arm(name, group, description, changes, baseline=UNCOUPLED, reference=SINGLE)


def _times(factor: float) -> dict[str, float]:
    return {term: round(factor * weight, 3) for term, weight in _BOTH.items()}


def _tables(table: str, description: str) -> list[Arm]:
    parts = (("co", _CO), ("soft", _SOFT), ("match", _MATCH), ("both", _BOTH))
    return [_coupled(f"{name}.{table}", "table", f"{name}, {description}", terms, table=table) for name, terms in parts]


def _form(name: str, description: str, terms: Mapping[str, float], **options: Any) -> Arm:
    return _coupled(name, "form", description, {term: {"weight": w, **options} for term, w in terms.items()})


def _architecture(network: str, title: str = "", **changes: Any) -> list[Arm]:
    """Return the arms of an architecture: uncoupled, and with both couplings.

    They have no single-task reference, as single-task networks have another body.
    """
    changes = {"network": network, "network_args": {}} | changes
    both = changes | {"objective": _BOTH, "table": "du2014"}
    none, title = f"{network}-none", title or network
    return [
        Arm(none, "architecture", f"{title}, nothing couples its tasks", changes, slow=True),
        Arm(f"{network}-both", "architecture", f"{title}, both couplings", both, baseline=none, slow=True),
    ]


_NAMED = (
    _single("single-expression", "expressions alone", EXPRESSION, "expression"),
    _single("single-au", "action units alone", ACTION_UNITS, "action-units"),
    _single("single-va", "valence and arousal alone", VALENCE_AROUSAL, "valence-arousal"),
    Arm(UNCOUPLED, "tasks", "three tasks, nothing couples them", reference=SINGLE),
    _coupled("co", "coupling", "co-annotation", _CO),
    _coupled("soft", "coupling", "soft co-annotation", _SOFT),
    _coupled("match", "coupling", "distribution matching", _MATCH),
    _coupled("both", "coupling", "soft co-annotation and distribution matching", _BOTH),
    _coupled("all", "coupling", "all three", _BOTH | _CO),
    *_tables("inferred", "table counted on fully labelled pictures"),
    _coupled("both.affwild2", "table", "both, Aff-Wild2's table", _BOTH, table="affwild2"),
    _form("match-printed", "distribution matching as printed: -p log q", _MATCH, form="printed"),
    _form("match-cross-entropy", "matching by cross entropy", _MATCH, form="cross_entropy"),
    _form("match-soft-target", "matching to q as a target", _MATCH, form="soft_target"),
    _form("match-mean", "matching to C's mean mixture", _MATCH, mixture="mean"),
    _form("match-weights", "matching with the table's weights", _MATCH, binary=False),
    _form("match-to-units", "matching, gradient to the AUs alone", _MATCH, gradients="p"),
    _form("match-to-expressions", "matching, gradient to expressions alone", _MATCH, gradients="q"),
    _form("soft-target", "soft labels as targets", _SOFT, form="soft_target"),
    _form("soft-sharp", "soft labels as targets, temperature 0.3", _SOFT, form="soft_target", temperature=0.3),
    _coupled("both-third", "weight", "both, a third of the weight", _times(1 / 3)),
    _coupled("both-triple", "weight", "both, three times the weight", _times(3)),
    _coupled("both-late", "weight", "both, in the last two thirds of the run", _BOTH, after=1 / 3),
    # the residual body is that of the recipe: arms none and both
    # half of each batch, for a run of some 90 seconds
    *_architecture("vgg-face", "VGG-FACE", learning_rate=0.001, sides=(96,), narrow=_EIGHTH, share=1 / 2),
    *_architecture("resnet-50", "ResNet-50", narrow=_QUARTER, share=1 / 2),
    *_architecture("densenet-121", "DenseNet-121", learning_rate=0.0015, narrow=_HALF, share=1 / 2),
)


def every_arm(couplings: Iterable[str], tables: Iterable[str], bodies: Iterable[str]) -> dict[str, Arm]:
    """Return all arms, in the order of the tables: those above and default arms of anything they do not use.

    Args:
        couplings: loss terms; a new one gets one arm.
        tables: a new one gets an arm with both couplings.
        bodies: names in the zoo; a new one gets an uncoupled arm and one with both couplings; on two cores they have a
            quarter of the width, no dropout and a short warm-up.

    Raises:
        ValueError: a new arm would have the name of another.
    """
    terms = {term for arm in _NAMED for term in arm.terms}
    used = {arm.changes.get("table") for arm in _NAMED} | {arm.changes.get("network") for arm in _NAMED}
    new = [
        *(
            _coupled(term.replace("_", "-"), "coupling", term.replace("_", " "), {term: _NEW})
            for term in couplings
            if term not in terms
        ),
        *(
            _coupled(f"both.{table}", "table", f"both, by the table {table}", _BOTH, table=table)
            for table in tables
            if table not in used
        ),
        *(arm for body in bodies if body not in used for arm in _architecture(body, narrow=_QUARTER)),
    ]
    return by_name(sorted((*_NAMED, *new), key=lambda arm: GROUPS.index(arm.group)))


ARMS = every_arm(COUPLINGS, TABLES, BODIES)

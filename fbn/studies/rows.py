"""What the study compares: a row a line.

A coupling loss, a table or an architecture that no line here names has rows all the same: its line in ``COUPLINGS``
(``fbn.losses.objective``), ``TABLES`` (``fbn.studies.material``) or ``BODIES`` (``fbn.models.zoo``) is enough.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fbn.losses.objective import COUPLINGS
from fbn.models.zoo import BODIES
from fbn.studies.material import TABLES
from fbn.tasks import ACTION_UNITS, AFFECT_TASKS, EXPRESSION, VALENCE_AROUSAL, Task
from fbn.training.recipe import Recipe

#: In the order of the tables.
GROUPS = ("tasks", "coupling", "table", "form", "weight", "architecture")
#: What differences are told against.
UNCOUPLED, SINGLE = "none", "single-task"
_SINGLE = {
    EXPRESSION: "expression",
    ACTION_UNITS: "action-units",
    VALENCE_AROUSAL: "valence-arousal",
}
_TERMS = {
    EXPRESSION: ("expression",),
    ACTION_UNITS: ("action_units",),
    VALENCE_AROUSAL: ("valence_arousal", "valence_arousal_mse"),
}


@dataclass(frozen=True)
class Row:
    """One way of training.

    Attributes:
        name: of the row; ``--rows`` takes it.
        group: one of ``GROUPS``.
        words: what it is, for people.
        adds: coupling terms and their weights, over the recipe's.
        table: name in ``fbn.studies.material.TABLES``.
        forms: settings of ``fbn.losses.Objective``, over the recipe's.
        tasks: what the network has outputs for, and is shown.
        network: name in the zoo; None: the recipe's.
        changes: of the recipe, where its resolution or learning rate does not fit the network.
        narrow: further ones, that let a network of the zoo be trained on two cores while somebody waits.
        share: of each step's pictures that it sees there, for the same reason.
        after: share of the run after which ``adds`` count; before, nothing couples.
        against: the row that differs from it by the coupling alone.
    """

    name: str
    group: str
    words: str
    adds: Mapping[str, float] = field(default_factory=dict)
    table: str = "du2014"
    forms: Mapping[str, Any] = field(default_factory=dict)
    tasks: tuple[Task, ...] = AFFECT_TASKS
    network: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    narrow: Mapping[str, Any] = field(default_factory=dict)
    share: float = 1.0
    after: float = 0.0
    against: str = UNCOUPLED

    @property
    def coupled(self) -> bool:
        """Whether a loss couples its tasks."""
        return bool(self.adds)

    @property
    def few(self) -> bool:
        """Whether it is slow, and run on fewer seeds, for fewer steps."""
        return self.network is not None

    def recipe(self, base: Recipe, narrow: bool) -> Recipe:
        """The base recipe with what this row changes, but for its table.

        Args:
            base: what every row starts from.
            narrow: with the changes that are for two cores.
        """
        kept = {term for task in self.tasks for term in _TERMS[task]}
        changes: dict[str, Any] = {
            "name": self.name,
            "objective": {term: w for term, w in base.objective.items() if term in kept} | dict(self.adds),
            "forms": {**base.forms, **self.forms},
        }
        if len(self.tasks) == 1:
            changes["network"] = _SINGLE[self.tasks[0]]
        if self.network:
            changes |= {"network": self.network, "network_args": {}}
        changes |= dict(self.changes) | (dict(self.narrow) if narrow else {})
        return base.model_copy(update=changes)


_HALF, _QUARTER, _EIGHTH = (
    # in few steps, what dropout hides is not learned in time
    {"network_args": {"width": width, "dropout": 0.0}, "warmup": 20}
    for width in (1 / 2, 1 / 4, 1 / 8)
)
_CO = {"co_annotation": 0.5}
_SOFT = {"soft_co_annotation": 0.3}
_MATCH = {"distribution_matching": 0.2}
_BOTH = _SOFT | _MATCH
#: Weight of a coupling loss that nothing here gives one.
_NEW = 0.3


def _times(factor: float) -> dict[str, float]:
    return {term: round(factor * weight, 3) for term, weight in _BOTH.items()}


def _tables(table: str, words: str) -> list[Row]:
    parts = (("co", _CO), ("soft", _SOFT), ("match", _MATCH), ("both", _BOTH))
    return [Row(f"{name}.{table}", "table", f"{name}, {words}", adds, table) for name, adds in parts]


def _form(name: str, words: str, adds: Mapping[str, float], **forms: Any) -> Row:
    return Row(name, "form", words, adds, forms=forms)


def _architecture(
    name: str,
    changes: Mapping[str, Any] | None = None,
    narrow: Mapping[str, Any] | None = None,
    share: float = 1.0,
    title: str = "",
) -> list[Row]:
    plain = Row(
        name=f"{name}-none",
        group="architecture",
        words=f"{title or name}, nothing couples its tasks",
        network=name,
        changes=changes or {},
        narrow=narrow or {},
        share=share,
    )
    both = replace(plain, name=f"{name}-both", words=f"{title or name}, both couplings", adds=_BOTH, against=plain.name)
    return [plain, both]


_NAMED = (
    Row("single-expression", "tasks", "expressions alone", tasks=(EXPRESSION,)),
    Row("single-au", "tasks", "action units alone", tasks=(ACTION_UNITS,)),
    Row("single-va", "tasks", "valence and arousal alone", tasks=(VALENCE_AROUSAL,)),
    Row(UNCOUPLED, "tasks", "three tasks, nothing couples them"),
    Row("co", "coupling", "co-annotation", _CO),
    Row("soft", "coupling", "soft co-annotation", _SOFT),
    Row("match", "coupling", "distribution matching", _MATCH),
    Row("both", "coupling", "soft co-annotation and distribution matching", _BOTH),
    Row("all", "coupling", "all three", _BOTH | _CO),
    *_tables("inferred", "table counted on fully labelled pictures"),
    Row("both.affwild2", "table", "both, Aff-Wild2's table", _BOTH, "affwild2"),
    _form("match-printed", "distribution matching as printed: -p log q", _MATCH, matching_form="printed"),
    _form("match-cross-entropy", "matching by cross entropy", _MATCH, matching_form="cross_entropy"),
    _form("match-soft-target", "matching to q as a target", _MATCH, matching_form="soft_target"),
    _form("match-mean", "matching to C's mean mixture", _MATCH, matching_mixture="mean"),
    _form("match-weights", "matching with the table's weights", _MATCH, matching_binary=False),
    _form("match-to-units", "matching, gradient to the AUs alone", _MATCH, matching_gradients="p"),
    _form("match-to-expressions", "matching, gradient to expressions alone", _MATCH, matching_gradients="q"),
    _form("soft-target", "soft labels as targets", _SOFT, soft_form="soft_target"),
    _form(
        "soft-sharp",
        "soft labels as targets, temperature 0.3",
        _SOFT,
        soft_form="soft_target",
        soft_temperature=0.3,
    ),
    Row("both-third", "weight", "both, a third of the weight", _times(1 / 3)),
    Row("both-triple", "weight", "both, three times the weight", _times(3)),
    Row("both-late", "weight", "both, in the last two thirds of the run", _BOTH, after=1 / 3),
    # the residual body is the recipe's own: rows none and both
    # half of each step's pictures, for a run in some 90 seconds
    *_architecture("vgg-face", {"learning_rate": 0.001, "sides": (96,)}, _EIGHTH, share=1 / 2, title="VGG-FACE"),
    *_architecture("resnet-50", narrow=_QUARTER, share=1 / 2, title="ResNet-50"),
    *_architecture("densenet-121", {"learning_rate": 0.0015}, _HALF, share=1 / 2, title="DenseNet-121"),
)


def every_row(couplings: Iterable[str], tables: Iterable[str], bodies: Iterable[str]) -> dict[str, Row]:
    """All rows, in the order of the tables: those above, and one or two of whatever they do not name.

    Args:
        couplings: loss terms; a new one has a row of its own.
        tables: a new one has both couplings by it.
        bodies: names in the zoo; a new one has itself uncoupled and by both couplings; on two cores a quarter as wide,
            without dropout, with a short warm-up.

    Raises:
        ValueError: a new one's row would be named as another is.
    """
    terms = {term for row in _NAMED for term in row.adds}
    by, bodied = ({getattr(row, field) for row in _NAMED} for field in ("table", "network"))
    new = [
        *(Row(c.replace("_", "-"), "coupling", c.replace("_", " "), {c: _NEW}) for c in couplings if c not in terms),
        *(Row(f"both.{t}", "table", f"both, by the table {t}", _BOTH, t) for t in tables if t not in by),
        *(row for body in bodies if body not in bodied for row in _architecture(body, narrow=_QUARTER)),
    ]
    every = sorted((*_NAMED, *new), key=lambda row: GROUPS.index(row.group))
    if twice := [name for name, count in Counter(row.name for row in every).items() if count > 1]:
        raise ValueError(f"several rows of the study would be named {', '.join(twice)}: name the new one otherwise")
    return {row.name: row for row in every}


ROWS = every_row(COUPLINGS, TABLES, BODIES)

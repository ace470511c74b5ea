"""How a study is shown: names of its figures, data sets and arms, what is read first, and the form to run it.

Each ``Study`` declares a ``Display``. The Study page and ``fbn study table`` read any study through it; a study without
one is shown with the names that its files use.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

#: Two kinds of differences -> the arm or group that an arm is compared with, in words.
_SIDES = {"uncoupled": "no coupling", "single": "single-task"}


@dataclass(frozen=True)
class Metric:
    """A figure in words.

    Attributes:
        title: human-readable, without the data set.
        task: key of ``Display.tasks``.
    """

    title: str
    task: str


@dataclass(frozen=True)
class Details:
    """A figure that a study measures for single action units, expressions, attributes and so on.

    Attributes:
        title: of the choice.
        axis: title of a plot's axis.
        help: what the figure means.
    """

    title: str
    axis: str
    help: str = ""


@dataclass(frozen=True)
class First:
    """What is read first.

    Attributes:
        arms: names of arms, the first that a study has.
        metrics: names of figures, in order; of the means over data sets, or else of the data sets trained on.
    """

    arms: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scarce:
    """The labels whose number differs between studies.

    Attributes:
        task: key of a study's numbers of labels.
        field: the request's field that sets the number.
        name: in words, before "labels" and "pictures".
        total: numbers of labels, request -> number of training pictures.
    """

    task: str
    field: str
    name: str
    total: Callable[[Mapping[str, int], Mapping[str, Any]], int]


@dataclass(frozen=True)
class Situations:
    """What is compared between committed studies.

    Attributes:
        aspects: title, figures (the first one measured is used), whether on data sets trained on.
        arms: arms shown at first; those of the group ``"coupling"`` can be chosen too.
    """

    aspects: tuple[tuple[str, tuple[str, ...], bool], ...]
    arms: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """An arm and its baseline, in the papers and in a study.

    Attributes:
        title: human-readable.
        row, base: the arm and its baseline in ``papers.csv``; names of the study's arms.
        side: ``"uncoupled"`` or ``"single"``, for the study's difference.
        own: name of the study's arm, if another.
    """

    title: str
    row: str
    base: str
    side: Literal["uncoupled", "single"] = "uncoupled"
    own: str = ""


@dataclass(frozen=True)
class PaperTable:
    """A relatedness table that couples arms, in the papers and in a study.

    Attributes:
        title: human-readable.
        suffix: of the arm's name in ``papers.csv``.
        suffixes: of a study's arms, the first that exists is used.
    """

    title: str
    suffix: str = ""
    suffixes: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class Papers:
    """Published figures to compare with, from ``assets/studies/NAME/papers.csv``.

    Attributes:
        names: papers, as in that file.
        compared: the comparisons; the first one's arm is that of coupled architectures.
        source: which tables they are from, and what to keep in mind.
        claims: what the papers claim, a sentence each.
        tables: relatedness tables to choose from; the first is the usual one.
        plain: the arm that no table couples.
        renamed: part of a key -> replacement, where a study names a data set otherwise.
        digits: decimals of the published figures; a difference below half of the last one counts as zero.
    """

    names: tuple[str, ...]
    compared: tuple[Compared, ...]
    source: str
    claims: tuple[str, ...] = ()
    tables: Mapping[str, PaperTable] = field(default_factory=lambda: {"": PaperTable("")})
    plain: str = "none"
    renamed: Mapping[str, str] = field(default_factory=dict)
    digits: int = 2


@dataclass(frozen=True)
class Form:
    """The form to run a study from the app.

    Attributes:
        budgets: name of a budget -> description.
        budget_help: what a budget is.
        arms: chosen at first.
        fields: further fields of the request -> label and help.
        data_label, data_help: of the folder of data sets.
    """

    budgets: Mapping[str, str]
    budget_help: str
    arms: tuple[str, ...]
    fields: Mapping[str, tuple[str, str]]
    data_label: str
    data_help: str


def _nothing_first(_: Mapping[str, Any]) -> First:
    return First()


def _label_part(name: str, _: Sequence[Mapping[str, Any]]) -> str:
    return name[:1].upper() + name[1:].replace("_", " ")


@dataclass(frozen=True)
class Display:
    """How a study is shown.

    Attributes:
        title: what it is about, in a few words; "" for the study's name.
        tasks: task -> its title, in the order of tables and plots.
        metrics: figure -> its name in words; a study's other figures are errors. Empty: any figures.
        help: what the figures mean.
        sets: data set -> its name in words.
        mean: data set that stands for the mean over several; "" if there is none.
        marks_unseen: whether data sets that are not trained on are marked; unnecessary if their names say it.
        faces: drawn and real faces, in words; ``{sets}`` stands for the data sets trained on.
        labels: task with labels -> in words.
        losses: loss term -> title.
        groups: group of arms -> title, in order.
        arms: arm -> short name; arms without one are shown by their description.
        suffixes: end of an arm's name after a dot -> in words.
        sides: kinds of differences, to the baseline and to the reference -> what an arm is compared with.
        side_help: the same in sentences.
        first: request -> what is read first.
        best: loss terms of the arms that are compared across architectures.
        details_title: title of the view of single values, such as those of action units.
        details: figure -> what is shown of each.
        parts: names of single values in order; others follow.
        part_label: name of a single value, tables of the shown arms -> label.
        scarce: the labels whose number varies between studies.
        situations: comparison of committed studies.
        papers: published figures.
        form: the form to run it; None: it is not run from the Study page.
    """

    title: str = ""
    tasks: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    help: str = ""
    sets: Mapping[str, str] = field(default_factory=dict)
    mean: str = ""
    marks_unseen: bool = True
    faces: tuple[str, str] = ("Drawn faces", "Real faces")
    labels: Mapping[str, str] = field(default_factory=dict)
    losses: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    arms: Mapping[str, str] = field(default_factory=dict)
    suffixes: Mapping[str, str] = field(default_factory=dict)
    sides: Mapping[str, str] = field(default_factory=lambda: _SIDES)
    side_help: str = ""
    first: Callable[[Mapping[str, Any]], First] = _nothing_first
    best: frozenset[str] = frozenset()
    details_title: str = "One by one"
    details: Mapping[str, Details] = field(default_factory=dict)
    parts: Sequence[str] = ()
    part_label: Callable[[str, Sequence[Mapping[str, Any]]], str] = _label_part
    scarce: Scarce | None = None
    situations: Situations | None = None
    papers: Papers | None = None
    form: Form | None = None

    def metric(self, name: str) -> str:
        """Return the name of a figure in words."""
        return self.metrics[name].title if name in self.metrics else name.replace("_", " ")

    def task(self, metric: str) -> str:
        """Return the task of a figure: a key of ``tasks``, or "" if it is not known."""
        return self.metrics[metric].task if metric in self.metrics else ""

    def against(self, side: str) -> str:
        """Return what an arm is compared with, in words; ``side``: ``"uncoupled"`` or ``"single"``."""
        return self.sides.get(side, _SIDES[side])

    def set(self, name: str) -> str:
        """Return the name of a data set in words."""
        return self.sets.get(name, name)

    def measure(self, of_set: str, metric: str, filtered: bool = False, unseen: bool = False) -> str:
        """Return the name of a figure on a data set, marked if filtered or if the labels were not trained on."""
        marks = [word for word, there in (("filtered", filtered), ("unseen", unseen and self.marks_unseen)) if there]
        return f"{self.set(of_set)} · {self.metric(metric)}" + (f" ({', '.join(marks)})" if marks else "")

    def arm(self, name: str, description: str = "") -> str:
        """Return the name of an arm in words: its short name, or else its description.

        Args:
            name: as in the tables on disk.
            description: from the study.
        """
        base, _, suffix = name.partition(".")
        if base not in self.arms:
            return (description[:1].upper() + description[1:]) or name
        return self.arms[base] + (f", {self.suffixes.get(suffix, suffix)}" if suffix else "")

    def loss(self, term: str) -> str:
        """Return the name of a loss term in words."""
        return self.losses.get(term, term.replace("_", " ").capitalize())

"""The papers' own figures beside a study's, direction by direction; without Streamlit.

``assets/studies/affect/papers.csv``: A's Tables III and V, C's Table 2, as far as claims 1 to 3 need them. A's Table
III holds unfiltered figures of the uncoupled row on Aff-Wild beside filtered ones of the coupled rows; here only
figures that are filtered alike are subtracted, with Table V's.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from fbn.studies.affect_arms import ARMS, SINGLE, UNCOUPLED
from fbn.studies.read import Studied, papers_file
from fbn.studies.records import TASKS, Difference, Key, task_of
from fbn.studies.words import METRICS, Verdict, set_name, verdict

PAPERS, HERE = ("A", "C"), "here"
#: A difference of the papers' is theirs to two places: below half of the last one it is none.
_NONE = 0.005


@dataclass(frozen=True)
class Compared:
    """A row held against another one.

    Attributes:
        title: for people.
        row, base: of the papers' tables and of the study.
        side: where the study's figures tell the difference.
        own: the study's row, where it is called otherwise.
    """

    title: str
    row: str
    base: str
    side: str
    own: str = ""


COMPARED = (
    Compared("Both − no coupling", "both", UNCOUPLED, "uncoupled"),
    Compared("Co-annotation − no coupling", "co", UNCOUPLED, "uncoupled"),
    Compared("Soft co-annotation − no coupling", "soft", UNCOUPLED, "uncoupled"),
    Compared("Distribution matching − no coupling", "match", UNCOUPLED, "uncoupled"),
    Compared("No coupling − single-task", UNCOUPLED, SINGLE, "single"),
    Compared("Both − single-task", "both", SINGLE, "single"),
)
#: The papers' second table was counted on a data set, as a study's inferred one is.
TABLES = {"du2014": "Du 2014's table", "counted": "a table counted on data"}
_COUNTED = ("inferred", "affwild2")


@dataclass(frozen=True)
class Line:
    """One metric on one set, in the papers and here; None where it is not told.

    Attributes:
        key: set, metric, whether median-filtered.
        name: for people.
        papers: paper -> difference.
        here: the study's.
    """

    key: Key
    name: str
    papers: dict[str, float]
    here: Difference | None

    @property
    def task(self) -> str:
        """A key of ``TASKS``."""
        return task_of(self.key[1])


@dataclass(frozen=True)
class Published:
    """A figure of a paper's table: which paper and row; key as a study's; the set as the paper names it."""

    paper: str
    row: str
    key: Key
    name: str
    value: float


def offered(studied: Studied) -> tuple[Compared, ...]:
    """What can be compared: in a study of architectures, each with itself uncoupled."""
    if not studied.of_architectures:
        return COMPARED
    named = ((row, studied.rows[row].words.split(",")[0]) for row in studied.both)
    return tuple(
        Compared(f"{name}: both − no coupling", "both", UNCOUPLED, "uncoupled", own=row) for row, name in named
    )


@cache
def published() -> tuple[Published, ...]:
    """``papers.csv``."""
    with papers_file().open(encoding="utf-8", newline="") as file:
        return tuple(
            Published(
                line["paper"],
                line["row"],
                (line["set"], line["figure"], line["filtered"] == "1"),
                line["name"],
                float(line["value"]),
            )
            for line in csv.DictReader(file)
        )


def lines(studied: Studied, compared: Compared, table: str) -> list[Line]:
    """Every metric and set of the papers or of the study, task by task.

    Args:
        studied: the study.
        compared: which rows.
        table: key of ``TABLES``.
    """
    found: dict[Key, dict[str, float]] = {}
    names: dict[str, str] = {}
    coupled = compared.row != UNCOUPLED
    row = f"{compared.row}.affwild2" if coupled and table == "counted" else compared.row
    values = {(each.paper, each.row, each.key): each.value for each in published()}
    for each in published():
        base = values.get((each.paper, compared.base, each.key))
        if each.row == row and base is not None:
            found.setdefault(each.key, {})[each.paper] = each.value - base
            names[each.key[0]] = each.name
    own = _own(studied, compared, table if coupled else "du2014")
    order = list(TASKS)
    keys = sorted(dict.fromkeys([*found, *own]), key=lambda key: order.index(task_of(key[1])))
    return [Line(key, _name(key, names), found.get(key, {}), own.get(key)) for key in keys]


def here(studied: Studied, compared: Compared, table: str) -> str | None:
    """The study's row, or None where it has none with such a table."""
    if compared.own:
        return compared.own if table == "du2014" else None
    if table == "du2014" or compared.row == UNCOUPLED:
        return compared.row if compared.row in studied.rows else None
    terms = set(ARMS[compared.row].terms)
    counted = {
        row.table: name for name, row in studied.rows.items() if row.group == "table" and set(row.terms) == terms
    }
    return next((counted[own] for own in _COUNTED if own in counted), None)


def directions(found: Sequence[Line]) -> dict[str, dict[str, tuple[int, int, int]]]:
    """Task -> ``PAPERS`` and ``HERE`` -> on how many figures it goes up, down, neither (here: cannot be told).

    Video counts once, median-filtered where that is told, as the papers do.
    """
    counts: dict[str, dict[str, tuple[int, int, int]]] = {}
    for task in TASKS:
        own = [line for line in found if line.task == task]
        counts[task] = {}
        for paper in PAPERS:
            values = [line.papers[paper] for line in _once([line for line in own if paper in line.papers])]
            up, down = sum(v > _NONE for v in values), sum(v < -_NONE for v in values)
            counts[task][paper] = up, down, len(values) - up - down
        seen = [verdict(line.here) for line in _once([line for line in own if line.here]) if line.here]
        better, worse, open_ = (seen.count(each) for each in Verdict)
        counts[task][HERE] = better, worse, open_
    return counts


def _once(lines: Sequence[Line]) -> list[Line]:
    ordered = sorted(lines, key=lambda line: line.key[2])
    return list({line.key[:2]: line for line in ordered}.values())


def _own(studied: Studied, compared: Compared, table: str) -> dict[Key, Difference]:
    row = here(studied, compared, table)
    figures = studied.of_row(row, None) if row else []
    differences = ((figure, getattr(figure, compared.side)) for figure in figures)
    return {
        (figure.set.removesuffix("-expressions"), figure.figure, figure.filtered): difference
        for figure, difference in differences
        if difference is not None
    }


def _name(key: Key, names: dict[str, str]) -> str:
    return f"{names.get(key[0], set_name(key[0]))} · {METRICS[key[1]]}" + (", filtered" if key[2] else "")

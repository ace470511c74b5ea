"""Studies to look at: those that ship, those of jobs, any folder that ``fbn study`` wrote. Without Streamlit."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.resources import shipped
from fbn.studies.affect_arms import ARMS, GROUPS, SINGLE, UNCOUPLED
from fbn.studies.folder import CURVES, DETAILS, PLAN, SUMMARY
from fbn.studies.measure import FILTERED, TOGETHER
from fbn.studies.records import TASKS, About, Detail, Figure, Key, Point, Summary, task_of

COMMITTED = "assets/studies/affect"
#: Tables that lie beside the summary, and what each holds.
TABLES = {
    "summary.csv": "Figures and differences",
    "details.csv": "AUs and expressions",
    "curves.csv": "Training curves",
    "runs.csv": "Every run",
}


@dataclass(frozen=True)
class Studied:
    """A finished study, opened.

    Attributes:
        folder: where it is.
        summary: what came out.
        details: AU by AU and expression by expression; none where the table does not lie beside the summary.
        curves: row -> loss -> means over equal parts of the training; none as above.
        runs: lines of ``runs.csv``; none as above.
    """

    folder: Path
    summary: Summary
    details: tuple[Detail, ...] = ()
    curves: dict[str, dict[str, list[float | None]]] = field(default_factory=dict)
    runs: tuple[dict[str, str], ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "Studied":
        """Open a folder that ``fbn study`` wrote.

        Raises:
            MissingFileError: it holds no finished study.
            FormatError: a file of it is none; the message names it and the field.
        """
        path = folder / SUMMARY
        try:
            text = path.read_bytes()
        except OSError:
            why = "no such folder" if not folder.is_dir() else f"no {SUMMARY} in it: not a study, or not finished"
            raise MissingFileError(f"{folder}: {why}") from None
        try:
            summary = Summary.model_validate_json(text)
            path = folder / DETAILS
            details = tuple(map(Detail.of_line, _lines(path)))
            path = folder / CURVES
            points = [Point.model_validate(line) for line in _lines(path)]
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "the file"
            raise FormatError(f"{path}: {where}: {problem['msg'].removeprefix('Value error, ')}") from None
        curves: dict[str, dict[str, list[float | None]]] = {}
        for point in points:
            curves.setdefault(point.row, {}).setdefault(point.term, []).append(point.value)
        return cls(folder, summary, details, curves, _runs(folder / "runs.csv"))

    @property
    def drawn(self) -> bool:
        """Whether its faces are drawn ones."""
        return self.summary.study.get("data") is None

    @property
    def seeds(self) -> int:
        """The most that any row has."""
        return max((row.seeds for row in self.summary.rows), default=0)

    @cached_property
    def rows(self) -> dict[str, About]:
        """In the order of the tables."""
        return {row.row: row for row in sorted(self.summary.rows, key=lambda row: _rank(row.group))}

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """Every (set, metric, filtered), task by task: means over sets, then those that are trained on, then others."""
        found = dict.fromkeys(figure.key for figure in self.summary.figures)
        order = list(TASKS)

        def place(key: Key) -> tuple[int, bool, bool]:
            return order.index(task_of(key[1])), key[0] != TOGETHER, not self.trained_on(key[0])

        return tuple(sorted(found, key=place))

    @cached_property
    def by_place(self) -> dict[tuple[str, Key], Figure]:
        """(row, key) -> figure."""
        return {(figure.row, figure.key): figure for figure in self.summary.figures}

    def of_row(self, row: str, filtered: bool | None = False) -> list[Figure]:
        """One row's figures in ``keys``' order, without means of others; ``filtered``: only such, None for all."""
        wanted = (key for key in self.keys if key[0] != TOGETHER and filtered in (None, key[2]))
        found = (self.by_place.get((row, key)) for key in wanted)
        return [figure for figure in found if figure is not None]

    @cached_property
    def both(self) -> tuple[str, ...]:
        """Rows that are the papers' best: soft co-annotation and distribution matching, by whatever table.

        Of a study that couples nothing but other architectures: of each of them.
        """
        wanted = {"soft_co_annotation", "distribution_matching"}
        found = {name: row.group for name, row in self.rows.items() if set(row.terms) == wanted}
        if self.of_architectures:
            return tuple(found)
        return tuple(name for name, group in found.items() if group in ("coupling", "table"))

    @cached_property
    def of_architectures(self) -> bool:
        """Whether it couples other architectures, and nothing else."""
        groups = {row.group for row in self.rows.values() if row.terms}
        return groups == {"architecture"}

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """Losses that the study kept curves of."""
        return tuple(dict.fromkeys(term for own in self.curves.values() for term in own))

    @cached_property
    def steps(self) -> dict[str, int]:
        """Row -> steps of each of its trainings, as far as ``runs.csv`` tells."""
        told = {line["row"]: int(line["steps"]) for line in self.runs if (line.get("steps") or "").isdecimal()}
        return {SINGLE if row in ARMS and ARMS[row].part_of == SINGLE else row: steps for row, steps in told.items()}

    def trained_on(self, name: str) -> bool:
        """Whether labels of this set, or of this kind on it, were learned from."""
        return name in self.summary.trained_on or name == TOGETHER

    def seed_differences(self, figure: Figure, side: str) -> list[float]:
        """A row's difference on each seed, as far as ``runs.csv`` tells.

        Args:
            figure: whose.
            side: ``"uncoupled"`` or ``"single"``: against what.
        """
        column = column_of(figure.key)
        if side == "single":
            bases = [name for name, arm in ARMS.items() if arm.part_of == SINGLE]
        else:
            bases = [(ARMS[figure.row].baseline if figure.row in ARMS else None) or UNCOUPLED]
        told = [(line["row"], line["seed"], float(line[column])) for line in self.runs if line.get(column)]
        base = {seed: value for row, seed, value in told if row in bases}
        return [value - base[seed] for row, seed, value in told if row == figure.row and seed in base]


def column_of(key: Key) -> str:
    """What ``runs.csv`` calls a figure."""
    return "/".join((*key[:2], *([FILTERED] if key[2] else [])))


def _runs(path: Path) -> tuple[dict[str, str], ...]:
    lines = _lines(path)
    for number, line in enumerate(lines, 2):
        if not line.get("row") or not line.get("seed"):
            raise FormatError(f"{path}, line {number}: expected a row and a seed")
        for column, value in line.items():
            try:
                float(value if value and "/" in str(column) else 0)
            except ValueError:
                raise FormatError(f"{path}, line {number}: {column}: expected a number, found {value!r}") from None
    return tuple(lines)


def _lines(path: Path) -> list[dict[str, str]]:
    """Of a table; none where there is no such file.

    Raises:
        FormatError: it is none.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError:
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: no table in UTF-8: {error}") from None


def committed() -> Iterator[tuple[str, Path]]:
    """Name and folder of each study that ships with fbn, those of many rows first."""
    try:
        root = shipped(COMMITTED)
    except FbnError:
        return
    folders = sorted((path.parent for path in root.rglob(SUMMARY)), key=lambda folder: (-_asked(folder), folder))
    for folder in folders:
        yield folder.relative_to(root).as_posix(), folder


def _asked(folder: Path) -> int:
    """How many rows were asked for; those that say nothing asked for all."""
    try:
        return len(json.loads((folder / PLAN).read_bytes())["rows"]) or len(ARMS)
    except (OSError, ValueError, KeyError):
        return 0


def papers_file() -> Path:
    """The papers' own figures."""
    return shipped(f"{COMMITTED}/papers.csv")


def _rank(group: str) -> int:
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)

"""Relatedness tables: weights between the labels of a categorical task and of a binary one.

Most tables relate expressions to action units (papers A and C, Table 1). A prototypical AU has weight 1 (every
annotator observed it), an observational one the fraction that observed it. Neutral has no AU. A table may have AU11,
but matrices omit it, since the network does not predict it. For identities and attributes (paper A, Table II), a weight
is the fraction of the identity's images that have the attribute.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from fbn import sheets
from fbn.errors import FormatError, MissingFileError
from fbn.relatedness import formats
from fbn.relatedness.counts import Labels, count
from fbn.relatedness.formats import Column
from fbn.relatedness.notes import Note, Notes
from fbn.resources import whole_file
from fbn.tasks import ACTION_UNITS, EXPRESSION, Task
from fbn.vocabulary import DECISION, Expression

#: Cells below this are 0 in a binary table: inferred tables have few exact zeros (fbn's choice).
MIN_WEIGHT = 0.1
#: Names listed in an error message.
_MAX_LISTED = 60


@dataclass(frozen=True)
class Provenance:
    """Origin of the weights of a table.

    Attributes:
        source: publication, file or method.
        parent: source of the table that this one was derived from; "" for an original.
        note: remarks; for a derived table all changes, in order.
    """

    source: str
    parent: str = ""
    note: str = ""


@dataclass(frozen=True)
class Change:
    """One cell in which two tables differ; a weight is None if the table lacks the cell."""

    category: str
    action_unit: Column
    before: float | None
    after: float | None


@dataclass(frozen=True)
class RelatednessTable:
    """R(row, column): weights of the labels of a binary task for each label of a categorical one.

    Equality and hash depend on tasks and cells only. A column is named by its label, an action unit by its FACS number.
    Construct tables with ``of``, ``named``, ``read`` or ``infer``, which validate and sort them.

    Attributes:
        cells: ((row, ((column, weight in (0, 1]), ...)), ...), both in their task's order.
        provenance: origin of the weights.
        notes: (((row, column), note), ...), notes on cells, including empty cells, in the same order.
        rows: the categorical task.
        columns: the binary task.

    Example:
        >>> import fbn
        >>> table = fbn.RelatednessTable.named("du2014")
        >>> table.row("happiness")
        {6: 0.51, 12: 1.0, 25: 1.0}
        >>> edited = table.edited("fear", 5, None)
        >>> edited == table, sorted(set(table.row("fear")) - set(edited.row("fear")))
        (False, [5])
    """

    cells: tuple[tuple[str, tuple[tuple[Column, float], ...]], ...]
    provenance: Provenance = field(compare=False)
    notes: tuple[tuple[tuple[str, Column], Note], ...] = field(default=(), compare=False)
    rows: Task = EXPRESSION
    columns: Task = formats.COLUMNS

    @classmethod
    def of(
        cls,
        cells: Mapping[str, Mapping[Column, float]],
        provenance: Provenance,
        notes: Notes | None = None,
        rows: Task = formats.ROWS,
        columns: Task = formats.COLUMNS,
    ) -> Self:
        """Construct a table from row -> column -> weight. Zeros are dropped; a table of expressions gets a neutral row.

        Args:
            cells: weights in [0, 1].
            provenance: origin of the weights.
            notes: on cells.
            rows: task of the rows; the table has those of its labels that are in ``cells``.
            columns: task of the columns.

        Raises:
            FormatError: an unknown row or column, a weight outside [0, 1], an AU given to neutral, or a note on a
                missing row.
        """
        row_index, column_index = {label: i for i, label in enumerate(rows.labels)}, formats.places(columns)
        neutral = Expression.NEUTRAL.value if rows.name == EXPRESSION.name else None
        for row in cells:
            if row not in row_index:
                raise FormatError(f"unknown category {row!r}: expected one of {_listed(rows.labels)}")
        present = tuple(label for label in rows.labels if label in cells or label == neutral)
        ordered = tuple((row, _ordered(row, cells.get(row, {}), column_index, row == neutral)) for row in present)
        for row, column in notes or {}:
            if row not in present or column not in column_index:
                raise FormatError(f"note on {row}, {formats.title(column)}: expected a row of the table and a known AU")
        sorted_notes = sorted((notes or {}).items(), key=lambda item: (row_index[item[0][0]], column_index[item[0][1]]))
        return cls(ordered, provenance, tuple(sorted_notes), rows.only(*present), columns)

    @staticmethod
    def names() -> tuple[str, ...]:
        """List the names of the built-in tables."""
        return tuple(
            sorted(
                p.name.removesuffix(".json") for p in (files("fbn") / "tables").iterdir() if p.name.endswith(".json")
            )
        )

    @classmethod
    def named(cls, name: str) -> Self:
        """Load a built-in table: ``"du2014"`` (posed faces), ``"affwild2"`` (videos) or ``"rafce"`` (web pictures).

        Raises:
            MissingFileError: no table of that name.
        """
        if name not in cls.names():
            raise MissingFileError(f"no built-in relatedness table {name!r}: expected one of {', '.join(cls.names())}")
        return cls.from_json((files("fbn") / "tables" / f"{name}.json").read_text("utf-8"))

    @classmethod
    def infer(
        cls,
        annotations: Labels,
        min_support: float = 10,
        source: str = "annotations",
        threshold: float = DECISION,
        rows: Task = EXPRESSION,
        columns: Task = ACTION_UNITS,
    ) -> Self:
        """Infer R(e, a) = images of e with a active / images of e with a annotated (paper C, 4.2; paper A, Table II).

        Args:
            annotations: labels of any batch shape; images are weighted by label weight and fraction of votes.
            min_support: cells with fewer annotated images are empty.
            source: description of the annotations, for the provenance.
            threshold: a binary label of at least this value is active.
            rows: a categorical task.
            columns: a binary task.
        """
        counts = count(annotations, threshold, rows=rows, columns=columns)
        left_out = f"cells under {min_support:g} images left empty"
        note = f"inferred from {counts.doubly_labelled} images with both labels; {left_out}"
        if rows.name == EXPRESSION.name and columns.name == ACTION_UNITS.name:
            rows, columns = formats.ROWS, formats.COLUMNS
        return cls.of(counts.weights(min_support), Provenance(source, note=note), rows=rows, columns=columns)

    @property
    def categories(self) -> tuple[str, ...]:
        """Labels of the rows; a table of expressions always has neutral."""
        return self.rows.labels

    @property
    def of_expressions(self) -> bool:
        """Whether it relates expressions to action units."""
        return self.rows.name == EXPRESSION.name and self.columns.name == ACTION_UNITS.name

    def row(self, category: str) -> dict[Column, float]:
        """Return column -> weight of one row.

        Raises:
            FormatError: the table has no such category.
        """
        for name, cells in self.cells:
            if name == category:
                return dict(cells)
        raise self._no_row(category)

    def _no_row(self, category: str) -> FormatError:
        return FormatError(f"the table has no row {str(category)!r}: it has {_listed(self.categories)}")

    def prototypical(self, category: str) -> tuple[Column, ...]:
        """Return the columns of a row with weight 1."""
        return tuple(number for number, weight in self.row(category).items() if weight == 1)

    def observational(self, category: str) -> dict[Column, float]:
        """Return column -> weight of the columns of a row with a weight below 1."""
        return {number: weight for number, weight in self.row(category).items() if weight < 1}

    def matrix(
        self,
        rows: Task | Sequence[str] | None = None,
        columns: Task | None = None,
        binary: bool = False,
        min_weight: float = MIN_WEIGHT,
    ) -> Tensor:
        """Return [R, C] float32 R, or R01 with ``binary``: 1 where the weight is at least ``min_weight``, else 0.

        Args:
            rows: a task, or labels; None: the seven expressions, or all rows of another task.
            columns: a task; None: the 17 AUs, or all columns of another task.
            binary: return R01.
            min_weight: least weight of a cell that is 1 in R01.

        Raises:
            FormatError: the table has no such row.
        """
        rows = (EXPRESSION if self.rows.name == EXPRESSION.name else self.rows) if rows is None else rows
        labels = rows.labels if isinstance(rows, Task) else tuple(str(row) for row in rows)
        columns = columns or self._default_columns()
        key = (labels, columns, binary, min_weight)
        # cached, because losses need the matrix at every step; the dataclass is frozen
        cache: dict[Any, Tensor] = self.__dict__.setdefault("_matrices", {})
        if key not in cache:
            cache[key] = self._matrix(*key)
        return cache[key].clone()

    def _default_columns(self) -> Task:
        return ACTION_UNITS if self.columns.name == ACTION_UNITS.name else self.columns

    def _matrix(self, labels: tuple[str, ...], columns: Task, binary: bool, min_weight: float) -> Tensor:
        # lists, because a tensor's elements are slow to set one by one in tables of thousands of people
        place, cells, matrix = formats.places(columns), dict(self.cells), []
        for label in labels:
            if label not in cells:
                raise self._no_row(label)
            row = [0.0] * len(columns)
            for column, weight in cells[label]:
                if column in place:
                    row[place[column]] = float(weight >= min_weight) if binary else weight
            matrix.append(row)
        return torch.tensor(matrix, dtype=torch.float32).reshape(len(labels), len(columns))

    def support(
        self,
        rows: Task | Sequence[str] | None = None,
        columns: Task | None = None,
        binary: bool = False,
        min_weight: float = MIN_WEIGHT,
    ) -> tuple[Column, ...]:
        """Return the columns with a non-zero entry in ``matrix`` of the same arguments."""
        columns = columns or self._default_columns()
        nonzero = self.matrix(rows, columns, binary, min_weight).any(0).tolist()
        return tuple(column for column, keep in zip(formats.places(columns), nonzero, strict=True) if keep)

    def restrict(self, aus: Collection[Column] | None = None, categories: Collection[str] | None = None) -> Self:
        """Select AUs and categories (neutral is kept) with their notes; None selects all."""
        rows = {
            c: {n: w for n, w in cells if aus is None or n in aus}
            for c, cells in self.cells
            if categories is None or c in categories or c == Expression.NEUTRAL
        }
        notes = {(c, n): note for (c, n), note in self.notes if c in rows and (aus is None or n in aus)}
        parts = [] if aus is None else ["AUs " + " ".join(str(n) for n in sorted(aus))]
        if categories is not None:
            parts.append("categories " + ", ".join(c for c in self.categories if c in categories))
        return self._derived(rows, "restricted to " + " and ".join(parts or ["everything"]), notes)

    def edited(self, category: str, au: Column, weight: float | None, note: str = "") -> Self:
        """Return a table with one cell changed (None or 0 clears it); its provenance records the change.

        Raises:
            FormatError: an unknown category or AU, or a weight outside [0, 1].
        """
        before = self.row(category).get(au) if category in self.categories else None
        change = f"{category} {formats.title(au)}: {formats.text(before) or 'none'} -> {formats.text(weight) or 'none'}"
        change += f" ({note})" if note else ""
        if category not in self.categories:
            return self._derived({**self._cells(), category: {au: weight or 0.0}}, change, dict(self.notes))
        # one row is checked and the others are kept: a table may have thousands
        neutral = self.rows.name == EXPRESSION.name and category == Expression.NEUTRAL
        row = _ordered(category, {**self.row(category), au: weight or 0.0}, formats.places(self.columns), neutral)
        cells = tuple((name, row if name == category else weights) for name, weights in self.cells)
        return replace(self, cells=cells, provenance=self._changed(change))

    def annotated(self, category: str, au: Column, note: Note | None) -> Self:
        """Return the table with the note of a cell replaced; None or an empty note removes it.

        Raises:
            FormatError: no such row, or an unknown AU.
        """
        notes = {**dict(self.notes), (category, au): note or Note()}
        checked = self._of(self._cells(), self.provenance, notes)
        return replace(checked, notes=tuple(item for item in checked.notes if item[1] != Note()))

    def note(self, category: str, au: Column) -> Note:
        """Return the note of a cell, or an empty note."""
        return dict(self.notes).get((category, au), Note())

    def diff(self, other: "RelatednessTable") -> tuple[Change, ...]:
        """List the cells that differ, from this table (before) to the other (after)."""
        first, second = dict(self.cells), dict(other.cells)
        differ = [row for row in first.keys() | second.keys() if first.get(row) != second.get(row)]
        before, after = ({(row, n): w for row in differ for n, w in rows.get(row, ())} for rows in (first, second))
        rows = {row: i for i, row in enumerate([*self._all_rows().labels, *other._all_rows().labels])}
        columns = {**formats.places(other.columns), **formats.places(self.columns)}
        keys = sorted(before.keys() | after.keys(), key=lambda key: (rows[key[0]], columns[key[1]]))
        changes = (Change(*key, before.get(key), after.get(key)) for key in keys)
        return tuple(change for change in changes if change.before != change.after)

    def to_json(self) -> str:
        """Return the contents of a ``.json`` file."""
        tasks = (self.rows, self.columns)
        return formats.to_json(self._cells(), asdict(self.provenance), dict(self.notes), tasks)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse the output of ``to_json``. Raises FormatError, which names the cell."""
        return cls._parsed(*formats.from_json(text))

    def write(self, path: str | Path) -> None:
        """Write ``.json``, or ``.csv``: one row per category, one column per AU, then the provenance (first row).

        Raises:
            FormatError: another suffix.
            MissingFileError: no such folder.
        """
        path = Path(path)
        tasks = (self.rows, self.columns)
        content = formats.writer(path)(self._cells(), asdict(self.provenance), dict(self.notes), tasks)
        if not path.parent.is_dir():
            raise MissingFileError(f"{path}: expected a file to write in a folder that is there, {path.parent} is not")
        with whole_file(path) as unfinished:
            unfinished.write_text(content, "utf-8", newline="")

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a file of ``write``, also if saved by a spreadsheet (``fbn.sheets``) or with decimal commas.

        Raises:
            MissingFileError: no such file.
            FormatError: an invalid file; the message gives line, cell and the expected value.
        """
        path = Path(path)
        parse = formats.reader(path)
        if not path.is_file():
            raise MissingFileError(f"{path}: no such file")
        try:
            return cls._parsed(*parse(sheets.decode(path.read_bytes())))
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from None

    @classmethod
    def _parsed(
        cls, cells: formats.Rows, provenance: Mapping[str, str], notes: Notes, tasks: tuple[Task, Task]
    ) -> Self:
        return cls.of(cells, Provenance(**provenance), notes, *tasks)

    def _of(self, cells: Mapping[str, Mapping[Column, float]], provenance: Provenance, notes: Notes) -> Self:
        return type(self).of(cells, provenance, notes, self._all_rows(), self.columns)

    def _all_rows(self) -> Task:
        """Return the task with all possible row labels."""
        return formats.ROWS if self.rows.name == EXPRESSION.name else self.rows

    def _cells(self) -> dict[str, dict[Column, float]]:
        return {category: dict(cells) for category, cells in self.cells}

    def _derived(self, rows: Mapping[str, Mapping[Column, float]], change: str, notes: Notes) -> Self:
        """Return a derived table."""
        return self._of(rows, self._changed(change), notes)

    def _changed(self, change: str) -> Provenance:
        """Return the provenance of a derived table, with the first parent and all changes."""
        old = self.provenance
        return Provenance("derived", old.parent or old.source, f"{old.note}; {change}" if old.parent else change)


def _ordered(
    row: str, weights: Mapping[Column, float], places: Mapping[Column, int], neutral: bool
) -> tuple[tuple[Column, float], ...]:
    """Check the weights of one row, drop zeros, and sort by column. Raises FormatError."""
    for column, weight in weights.items():
        if column not in places:
            expected = _listed([formats.code(each) for each in places])
            raise FormatError(f"{row}: {formats.title(column)} is unknown: expected one of {expected}")
        if not 0 <= weight <= 1:
            raise FormatError(f"{row}, {formats.title(column)} = {weight}: expected a weight in [0, 1]")
        if weight and neutral:
            raise FormatError(f"neutral, {formats.title(column)} = {weight}: expected no weight, neutral has no AU")
    return tuple((c, float(w)) for c, w in sorted(weights.items(), key=lambda cell: places[cell[0]]) if w > 0)


def _listed(names: Sequence[str]) -> str:
    """List names for an error message, at most ``_MAX_LISTED`` of them."""
    more = f" and {len(names) - _MAX_LISTED:,} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more

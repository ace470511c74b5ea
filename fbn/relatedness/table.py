"""How expressions and action units belong together: one editable, comparable value (papers A and C, Table 1).

A prototypical AU has weight 1 (every annotator saw it), an observational one the fraction that saw it. Neutral has no
AU. AU11 may stand in a table but is not among the network's AUs, so everything that meets tensors skips it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from fbn import sheets
from fbn.errors import FormatError, MissingFileError
from fbn.relatedness import formats
from fbn.relatedness.counts import Labels, count
from fbn.relatedness.formats import CATEGORIES, CODES
from fbn.relatedness.notes import Note, Notes
from fbn.resources import whole_file
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, AU_INDEX, AU_NUMBERS, DECISION, EXPRESSIONS, Expression

#: Cells below this count as 0 where a 0/1 table is needed: an inferred table has hardly a true zero (fbn's choice).
MIN_WEIGHT = 0.1


@dataclass(frozen=True)
class Provenance:
    """Where a table's numbers come from.

    Attributes:
        source: the publication, the file or the way they were made.
        parent: source of the table this one was derived from; "" for an original.
        note: remarks; of a derived table every change, in order.
    """

    source: str
    parent: str = ""
    note: str = ""


@dataclass(frozen=True)
class Change:
    """One cell in which two tables differ; None where the table has no such cell."""

    category: str
    action_unit: int
    before: float | None
    after: float | None


@dataclass(frozen=True)
class RelatednessTable:
    """R(e, a): weight of each AU in each expression. Equal and hashed by its cells; the rest is not compared.

    Attributes:
        rows: ((category, ((AU number, weight in (0, 1]), ...)), ...), both in the vocabulary's order. Make tables with
            ``of``, ``named``, ``read`` or ``infer``, which check and order them.
        provenance: where the numbers come from.
        notes: (((category, AU number), note), ...), remarks on single cells, empty ones too, in the same order.

    Example:
        >>> import fbn
        >>> table = fbn.RelatednessTable.named("du2014")
        >>> table.row("happiness")
        {6: 0.51, 12: 1.0, 25: 1.0}
        >>> edited = table.edited("fear", 5, None)
        >>> edited == table, sorted(set(table.row("fear")) - set(edited.row("fear")))
        (False, [5])
    """

    rows: tuple[tuple[str, tuple[tuple[int, float], ...]], ...]
    provenance: Provenance = field(compare=False)
    notes: tuple[tuple[tuple[str, int], Note], ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, rows: Mapping[str, Mapping[int, float]], provenance: Provenance, notes: Notes | None = None) -> Self:
        """A table from category -> AU number -> weight. Zeros are dropped; neutral is added.

        Raises:
            FormatError: an unknown category or AU, a weight outside [0, 1], an AU given to neutral, or a note on a row
                that is not there.
        """
        for category, cells in rows.items():
            if category not in CATEGORIES:
                raise FormatError(f"unknown category {category!r}: expected one of {', '.join(CATEGORIES)}")
            for number, weight in cells.items():
                if number not in ACTION_UNIT_BY_NUMBER:
                    raise FormatError(f"{category}: AU{number} is unknown: expected one of {', '.join(CODES)}")
                if not 0 <= weight <= 1:
                    raise FormatError(f"{category}, AU{number} = {weight}: expected a weight in [0, 1]")
                if weight and category == Expression.NEUTRAL:
                    raise FormatError(f"neutral, AU{number} = {weight}: expected no weight, neutral has no AU")
        present = [c for c in CATEGORIES if c in rows or c == Expression.NEUTRAL]
        ordered = tuple((c, tuple((n, float(w)) for n, w in sorted(rows.get(c, {}).items()) if w > 0)) for c in present)
        for category, number in notes or {}:
            if category not in present or number not in ACTION_UNIT_BY_NUMBER:
                raise FormatError(f"note on {category}, AU{number}: expected a row of the table and a known AU")
        kept = sorted((notes or {}).items(), key=lambda item: (CATEGORIES.index(item[0][0]), item[0][1]))
        return cls(ordered, provenance, tuple(kept))

    @staticmethod
    def names() -> tuple[str, ...]:
        """Names of the built-in tables."""
        return tuple(sorted(p.name.removesuffix(".json") for p in _tables() if p.name.endswith(".json")))

    @classmethod
    def named(cls, name: str) -> Self:
        """A built-in table: ``"du2014"`` (posed faces), ``"affwild2"`` (read off films) or ``"rafce"`` (web pictures).

        Raises:
            MissingFileError: no table of that name.
        """
        if name not in cls.names():
            raise MissingFileError(f"no built-in relatedness table {name!r}: expected one of {', '.join(cls.names())}")
        return cls.from_json((files("fbn") / "tables" / f"{name}.json").read_text("utf-8"))

    @classmethod
    def infer(
        cls, annotations: Labels, min_support: float = 10, source: str = "annotations", active: float = DECISION
    ) -> Self:
        """R(e, a) = images of e with AU a active / images of e with AU a annotated (C 4.2).

        Args:
            annotations: labels of any batch shape; images count by label weight, vote distributions by share.
            min_support: cells with fewer annotated images stay empty.
            source: what the annotations are, for the provenance.
            active: AU value from which on it counts as active.
        """
        counts = count(annotations, active)
        note = f"inferred from {counts.both} images with both labels; cells under {min_support:g} images left empty"
        return cls.of(counts.weights(min_support), Provenance(source, note=note))

    @property
    def categories(self) -> tuple[str, ...]:
        """The table's categories; neutral is always among them."""
        return tuple(category for category, _ in self.rows)

    def row(self, category: str) -> dict[int, float]:
        """AU number -> weight of one category.

        Raises:
            FormatError: the table has no such category.
        """
        for name, cells in self.rows:
            if name == category:
                return dict(cells)
        raise FormatError(f"the table has no row {str(category)!r}: it has {', '.join(self.categories)}")

    def prototypical(self, category: str) -> tuple[int, ...]:
        """Numbers of the category's AUs of weight 1."""
        return tuple(number for number, weight in self.row(category).items() if weight == 1)

    def observational(self, category: str) -> dict[int, float]:
        """AU number -> weight of the category's AUs below weight 1."""
        return {number: weight for number, weight in self.row(category).items() if weight < 1}

    def matrix(
        self, categories: Sequence[str] = EXPRESSIONS, binary: bool = False, min_weight: float = MIN_WEIGHT
    ) -> Tensor:
        """[C, 17] float32 R, or R01 with ``binary``: 1 where the weight is at least ``min_weight``, else 0.

        Raises:
            FormatError: the table has no such category.
        """
        return _matrix(self, tuple(str(c) for c in categories), binary, min_weight).clone()

    def support(
        self, categories: Sequence[str] = EXPRESSIONS, binary: bool = False, min_weight: float = MIN_WEIGHT
    ) -> tuple[int, ...]:
        """Numbers of the network's AUs with a non-zero entry in ``matrix`` of the same arguments."""
        seen = _matrix(self, tuple(str(c) for c in categories), binary, min_weight).any(0)
        return tuple(number for number, keep in zip(AU_NUMBERS, seen.tolist(), strict=True) if keep)

    def restrict(self, aus: Collection[int] | None = None, categories: Collection[str] | None = None) -> Self:
        """The table with only these AUs and categories (neutral stays) and the notes on them; None keeps all."""
        rows = {
            c: {n: w for n, w in cells if aus is None or n in aus}
            for c, cells in self.rows
            if categories is None or c in categories or c == Expression.NEUTRAL
        }
        notes = {(c, n): note for (c, n), note in self.notes if c in rows and (aus is None or n in aus)}
        parts = []
        if aus is not None:
            parts.append("AUs " + " ".join(str(n) for n in sorted(aus)))
        if categories is not None:
            parts.append("categories " + ", ".join(c for c in self.categories if c in categories))
        return self._derived(rows, "restricted to " + " and ".join(parts or ["everything"]), notes)

    def edited(self, category: str, au: int, weight: float | None, note: str = "") -> Self:
        """A new table with one cell changed (None or 0 empties it); its provenance names the change.

        Raises:
            FormatError: an unknown category or AU, or a weight outside [0, 1].
        """
        rows = self._cells()
        before = rows.setdefault(category, {}).get(au)
        rows[category][au] = weight or 0.0
        change = f"{category} AU{au}: {formats.text(before) or 'none'} -> {formats.text(weight) or 'none'}"
        return self._derived(rows, f"{change} ({note})" if note else change, dict(self.notes))

    def annotated(self, category: str, au: int, note: Note | None) -> Self:
        """The same table with a cell's note replaced; None or an empty one takes it away.

        Raises:
            FormatError: no such row, or an unknown AU.
        """
        notes = {**dict(self.notes), (category, au): note or Note()}
        checked = type(self).of(self._cells(), self.provenance, notes)
        return replace(checked, notes=tuple(item for item in checked.notes if item[1] != Note()))

    def note(self, category: str, au: int) -> Note:
        """A cell's note; an empty one where there is none."""
        return dict(self.notes).get((category, au), Note())

    def diff(self, other: "RelatednessTable") -> tuple[Change, ...]:
        """Cells that differ, from this table (before) to the other (after)."""
        before, after = ({(c, n): w for c, cells in t.rows for n, w in cells} for t in (self, other))
        keys = sorted(before.keys() | after.keys(), key=lambda key: (CATEGORIES.index(key[0]), key[1]))
        changes = (Change(*key, before.get(key), after.get(key)) for key in keys)
        return tuple(change for change in changes if change.before != change.after)

    def to_json(self) -> str:
        """What ``write`` puts into a ``.json`` file."""
        return formats.to_json(self._cells(), asdict(self.provenance), dict(self.notes))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What ``to_json`` wrote. Raises FormatError, naming the cell."""
        return cls._parsed(*formats.from_json(text))

    def write(self, path: str | Path) -> None:
        """Write ``.json``, or ``.csv``: a row per category, a column per AU, then source, parent and note (first row).

        Raises:
            FormatError: another suffix.
            MissingFileError: no such folder.
        """
        path = Path(path)
        content = formats.writer(path)(self._cells(), asdict(self.provenance), dict(self.notes))
        if not path.parent.is_dir():
            raise MissingFileError(f"{path}: expected a file to write in a folder that is there, {path.parent} is not")
        with whole_file(path) as unfinished:
            unfinished.write_text(content, "utf-8", newline="")

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read what ``write`` wrote, also after a spreadsheet saved it (``fbn.sheets``), with decimal commas too.

        Raises:
            MissingFileError: no such file.
            FormatError: names the line and cell, and what was expected there.
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
    def _parsed(cls, rows: formats.Rows, provenance: Mapping[str, str], notes: Notes) -> Self:
        return cls.of(rows, Provenance(**provenance), notes)

    def _cells(self) -> dict[str, dict[int, float]]:
        return {category: dict(cells) for category, cells in self.rows}

    def _derived(self, rows: Mapping[str, Mapping[int, float]], change: str, notes: Notes) -> Self:
        """Provenance of a chain of changes names the first parent and every change."""
        old = self.provenance
        note = f"{old.note}; {change}" if old.parent else change
        return type(self).of(rows, Provenance("derived", old.parent or old.source, note), notes)


@lru_cache(maxsize=64)
def _matrix(table: RelatednessTable, categories: tuple[str, ...], binary: bool, min_weight: float) -> Tensor:
    matrix = torch.zeros(len(categories), len(AU_NUMBERS))
    for i, category in enumerate(categories):
        for number, weight in table.row(category).items():
            if number in AU_INDEX:
                matrix[i, AU_INDEX[number]] = float(weight >= min_weight) if binary else weight
    return matrix


def _tables() -> Iterator[Any]:
    return (files("fbn") / "tables").iterdir()

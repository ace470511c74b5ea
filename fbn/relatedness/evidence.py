"""What annotated images say of a relatedness table: counts with intervals, and the cells in which they contradict it.

The tests are exact (binomial and hypergeometric), and forgiving where an annotated set is expected to differ from a
table: see ``Tolerance``. All cells together err with the stated probability (Holm; Bonferroni for the intervals).
Images are taken for independent; give ``people`` where many show the same person or clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
from scipy.stats import hypergeom

from fbn.errors import FormatError
from fbn.relatedness.counts import Labels, count
from fbn.relatedness.exact import at_least, at_most, clopper_pearson, holm
from fbn.relatedness.table import MIN_WEIGHT, Provenance, RelatednessTable
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, DECISION, Expression


class CellVerdict(StrEnum):
    """What the images say of one cell."""

    HOLDS = "holds"
    MORE = "seen more often"
    LESS = "seen less often"
    THIN = "too few images"


class Relation(StrEnum):
    """How one cell stands in two tables."""

    BOTH = "both"
    APART = "both, weights apart"
    FIRST = "first only"
    SECOND = "second only"
    UNSEEN = "not an AU of the other"


@dataclass(frozen=True)
class Tolerance:
    """How far a rate may lie from the table before it can contradict it.

    Attributes:
        missed: share of people who may lack a prototypical AU. Du, Tao & Martinez (2014) call an AU prototypical from
            70 % of the subjects on, hence 0.3.
        observational: distance either way from an observational weight; theirs rest on 230 subjects, so 0.07 is
            sampling alone (fbn's choice).
        absent: rate at which an AU may occur that the row does not name, however rare it is elsewhere. Where it is
            commoner elsewhere, it must be commoner here than in all other categories together.
    """

    missed: float = 0.3
    observational: float = 0.15
    absent: float = MIN_WEIGHT


@dataclass(frozen=True)
class Cell:
    """How often an AU was seen in a category.

    Attributes:
        category, au: which; the AU by number.
        images: with both labels (people, where people were counted).
        active: of those, with the AU active.
        low, high: Clopper-Pearson interval of the rate, all supported cells together at the evidence's level.
    """

    category: str
    au: int
    images: float
    active: float
    low: float
    high: float

    @property
    def weight(self) -> float:
        """active / images; 0 without images."""
        return self.active / self.images if self.images else 0.0


@dataclass(frozen=True)
class Finding:
    """One cell of a table held against images.

    Attributes:
        category, au: which; the AU by number.
        weight_in_table: 0 where the table has none.
        images, active, observed, low, high: as in ``Cell``; observed is its weight.
        p: Holm-adjusted p-value; 1 where the cell was not tested.
        verdict: MORE and LESS contradict the table.
    """

    category: str
    au: int
    weight_in_table: float
    images: float
    active: float
    observed: float
    low: float
    high: float
    p: float
    verdict: CellVerdict

    @property
    def contradicted(self) -> bool:
        """The table does not fit the images here."""
        return self.verdict in (CellVerdict.MORE, CellVerdict.LESS)


@dataclass(frozen=True)
class Evidence:
    """Annotated images, counted.

    Attributes:
        cells: every category that occurs x 17 AUs, neutral too, in the vocabulary's order.
        expressions: category -> images of it, whatever else is annotated.
        units: AU number -> (images with it annotated, of those active), whatever else is annotated.
        both: images with an expression and an AU.
        min_support: cells with fewer images (people) are left out of tables and tests.
        level: of the intervals, family-wise.
        source: what the labels are.
        counted: ``"images"`` or ``"people"``.
    """

    cells: tuple[Cell, ...]
    expressions: dict[str, float]
    units: dict[int, tuple[float, float]]
    both: int
    min_support: float
    level: float
    source: str
    counted: str

    @classmethod
    def of(
        cls,
        labels: Labels,
        min_support: float = 10,
        level: float = 0.95,
        source: str = "annotations",
        active: float = DECISION,
        compounds: Sequence[str] | None = None,
        people: Sequence[str] | None = None,
    ) -> Self:
        """Count labels of any batch shape.

        Args:
            labels: annotations; where the AUs are a network's, from ``fbn.labelling.pseudo_annotate``.
            min_support: cells with fewer annotated images (people) stay out.
            level: of all intervals together.
            source: what the labels are.
            active, compounds, people: as in ``fbn.relatedness.counts.count``.

        Raises:
            FormatError: see there; or a level outside (0, 1).
        """
        if not 0 < level < 1:
            raise FormatError(f"level = {level}: expected between 0 and 1")
        counts = count(labels, active, compounds, people)
        n, k = counts.images.numpy(), counts.active.numpy()
        tested = int(((n >= min_support) & (n > 0)).sum())
        low, high = clopper_pearson(k, n, (1 - level) / max(tested, 1))
        places = [(c, a) for c in range(len(counts.categories)) for a in range(len(AU_NUMBERS))]
        cells = tuple(
            Cell(counts.categories[c], AU_NUMBERS[a], *(float(part[c, a]) for part in (n, k, low, high)))
            for c, a in places
        )
        pairs = zip(counts.units.tolist(), counts.units_active.tolist(), strict=True)
        return cls(
            cells=cells,
            expressions=dict(zip(counts.categories, counts.shown.tolist(), strict=True)),
            units=dict(zip(AU_NUMBERS, pairs, strict=True)),
            both=counts.both,
            min_support=min_support,
            level=level,
            source=source,
            counted="images" if people is None else "people",
        )

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the cells."""
        return tuple(self.expressions)

    def cell(self, category: str, au: int) -> Cell:
        """One cell. Raises FormatError where the evidence has no such cell."""
        if category not in self.expressions or au not in AU_INDEX:
            raise FormatError(
                f"no cell {category}, AU{au}: expected one of {', '.join(self.categories)}, and of 17 AUs"
            )
        return self.cells[self.categories.index(category) * len(AU_NUMBERS) + AU_INDEX[au]]

    def supported(self, cell: Cell) -> bool:
        """There are enough images to speak of the cell."""
        return cell.images >= self.min_support and cell.images > 0

    def table(self) -> RelatednessTable:
        """The rates as a table; thin cells and neutral stay empty."""
        rows: dict[str, dict[int, float]] = {c: {} for c in self.categories if c != Expression.NEUTRAL}
        for cell in self.cells:
            if cell.category != Expression.NEUTRAL and self.supported(cell):
                rows[cell.category][cell.au] = min(cell.weight, 1.0)
        left_out = f"cells under {self.min_support:g} {self.counted} left empty"
        note = f"inferred from {self.both} images with both labels; {left_out}"
        return RelatednessTable.of(rows, Provenance(self.source, note=note))


@dataclass(frozen=True)
class Agreement:
    """One cell of two tables.

    Attributes:
        category, au: which; the AU by number.
        first, second: weights; 0 where there is none.
        relation: BOTH and APART: both name it; UNSEEN: one does, and the other table names the AU nowhere, so it may
            never have been annotated there.
    """

    category: str
    au: int
    first: float
    second: float
    relation: Relation


def compare(
    evidence: Evidence, table: RelatednessTable, level: float = 0.95, tolerance: Tolerance = Tolerance()
) -> tuple[Finding, ...]:
    """Hold a table against images, cell by cell: which do they contradict?

    With probability ``level`` no cell is contradicted whose rate the tolerance forgives (Holm over all tested cells).
    Tested are the cells of the categories in both, without neutral, with enough images.

    Args:
        evidence: counts.
        table: what to test.
        level: family-wise, in (0, 1).
        tolerance: of the null hypotheses.

    Returns:
        A finding for each cell, in the vocabulary's order; look at ``Finding.contradicted``.
    """
    shared = [c for c in evidence.cells if c.category in table.categories and c.category != Expression.NEUTRAL]
    rows = {category: table.row(category) for category in table.categories}
    totals = _totals(evidence)
    tests = {}
    for cell in shared:
        if evidence.supported(cell):
            images, active = totals[cell.au]
            elsewhere = (images - cell.images, active - cell.active)
            tests[cell] = _test(cell, rows[cell.category].get(cell.au, 0.0), elsewhere, tolerance)
    adjusted = dict(zip(tests, holm(np.array([p for p, _ in tests.values()])), strict=True))
    findings = []
    for cell in shared:
        p = float(adjusted.get(cell, 1.0))
        verdict = CellVerdict.THIN if cell not in tests else tests[cell][1] if p <= 1 - level else CellVerdict.HOLDS
        weight = rows[cell.category].get(cell.au, 0.0)
        counts = (cell.images, cell.active, cell.weight, cell.low, cell.high)
        findings.append(Finding(cell.category, cell.au, weight, *counts, p, verdict))
    return tuple(findings)


def agreement(first: RelatednessTable, second: RelatednessTable, apart: float = 0.3) -> tuple[Agreement, ...]:
    """Cells that at least one of two tables names, in the categories of both.

    Args:
        first, second: to lay side by side.
        apart: weights that differ by more are told apart (fbn's choice).
    """
    found = []
    named = {id(t): {n for c in t.categories for n in t.row(c)} for t in (first, second)}
    for category in (c for c in first.categories if c in second.categories):
        one, two = first.row(category), second.row(category)
        for au in sorted(one.keys() | two.keys()):
            w, v = one.get(au, 0.0), two.get(au, 0.0)
            if min(w, v) >= MIN_WEIGHT:
                # weights are decimals: 1 - 0.7 is not quite 0.3
                relation = Relation.BOTH if abs(w - v) <= apart + 1e-9 else Relation.APART
            elif max(w, v) < MIN_WEIGHT:
                continue
            elif au not in named[id(second if w > v else first)]:
                relation = Relation.UNSEEN
            else:
                relation = Relation.FIRST if w > v else Relation.SECOND
            found.append(Agreement(category, au, w, v, relation))
    return tuple(found)


def _totals(evidence: Evidence) -> dict[int, tuple[float, float]]:
    """Images and active images of each AU over all categories."""
    totals: dict[int, tuple[float, float]] = dict.fromkeys(AU_NUMBERS, (0.0, 0.0))
    for cell in evidence.cells:
        images, active = totals[cell.au]
        totals[cell.au] = (images + cell.images, active + cell.active)
    return totals


def _test(cell: Cell, weight: float, elsewhere: tuple[float, float], how: Tolerance) -> tuple[float, CellVerdict]:
    """p-value against the cell's null hypothesis, and what its rejection would say."""
    k, n = cell.active, cell.images
    if weight == 1:
        return float(at_most(k, n, 1 - how.missed)), CellVerdict.LESS
    if weight == 0:
        # rejected only where both hold: more than tolerated, and more than elsewhere
        m, j = (round(part) for part in elsewhere)
        commoner = hypergeom.sf(round(k) - 1, round(n) + m, round(k) + j, round(n))
        return max(float(at_least(k, n, how.absent)), float(commoner)), CellVerdict.MORE
    more = float(at_least(k, n, min(1.0, weight + how.observational)))
    less = float(at_most(k, n, max(0.0, weight - how.observational)))
    return min(1.0, 2 * min(more, less)), CellVerdict.MORE if more < less else CellVerdict.LESS

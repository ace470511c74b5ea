"""Tests of a relatedness table against annotated images: counts with confidence intervals, and contradicted cells.

The tests are exact (binomial and hypergeometric) with a tolerance for expected differences between a data set and a
table, see ``Tolerance``. The family-wise error rate is controlled (Holm; Bonferroni for the intervals). Images are
assumed to be independent; pass ``people`` if many show the same person or clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
from scipy.special import betainc, betaincc, betaincinv
from scipy.stats import hypergeom

from fbn.errors import FormatError
from fbn.relatedness.counts import Labels, count
from fbn.relatedness.table import MIN_WEIGHT, Provenance, RelatednessTable
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, DECISION, Expression


class CellVerdict(StrEnum):
    """Result of the test of one cell.

    HOLDS: the images do not contradict the weight. MORE, LESS: the AU is seen more or less often than the weight says.
    TOO_FEW: not tested, since there are fewer than ``Evidence.min_support`` images.
    """

    HOLDS = "holds"
    MORE = "seen more often"
    LESS = "seen less often"
    TOO_FEW = "too few images"


class Relation(StrEnum):
    """Which of two tables have a weight in a cell; see ``Agreement.relation``."""

    BOTH = "both"
    APART = "both, weights apart"
    FIRST = "first only"
    SECOND = "second only"
    UNSEEN = "not an AU of the other"


@dataclass(frozen=True)
class Tolerance:
    """Largest difference of an observed rate from the table that is not a contradiction.

    Attributes:
        missed: fraction of people who may lack a prototypical AU. Du, Tao & Martinez (2014) call an AU prototypical if
            at least 70 % of the subjects show it, hence 0.3.
        observational: difference from an observational weight in either direction; the published weights are from 230
            subjects, so 0.07 is sampling error alone (fbn's choice).
        absent: rate at which an AU without a weight may occur. To contradict the table, it must also be significantly
            more frequent than in all other categories together.
    """

    missed: float = 0.3
    observational: float = 0.15
    absent: float = MIN_WEIGHT


@dataclass(frozen=True)
class Cell:
    """Frequency of an AU in a category.

    Attributes:
        category, au: category and AU number.
        images: number of images (or people) with both labels.
        active: number of those with the AU active.
        low, high: Clopper-Pearson interval of the rate, simultaneous over all supported cells.
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
    """Comparison of one cell of a table with images.

    Attributes:
        category, au: category and AU number.
        weight_in_table: 0 if the table has no weight.
        images, active, observed, low, high: see ``Cell``; observed is ``Cell.weight``.
        p: Holm-adjusted p-value; 1 if the cell was not tested.
        verdict: result of the test; MORE and LESS contradict the table.
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
        """Whether the images contradict the table in this cell."""
        return self.verdict in (CellVerdict.MORE, CellVerdict.LESS)


@dataclass(frozen=True)
class Evidence:
    """Co-occurrence counts of annotated images.

    Attributes:
        cells: a cell for each pair of category and AU, in the vocabulary's order: the seven expressions, neutral
            included, and the compound expressions that occur, by 17 AUs.
        expressions: category -> number of images, whether or not AUs are annotated.
        units: AU number -> (number of images with it annotated, number of those active), with or without expression.
        doubly_labelled: number of images with labels of both an expression and an AU.
        min_support: cells with fewer images (or people) are excluded from tables and tests.
        level: family-wise confidence level of the intervals.
        source: description of the labels.
        counted: ``"images"`` or ``"people"``.
    """

    cells: tuple[Cell, ...]
    expressions: dict[str, float]
    units: dict[int, tuple[float, float]]
    doubly_labelled: int
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
        threshold: float = DECISION,
        compounds: Sequence[str] | None = None,
        people: Sequence[str] | None = None,
    ) -> Self:
        """Count the co-occurrences of labels of any batch shape.

        Args:
            labels: annotations, or predicted AUs from ``fbn.labelling.pseudo_annotate``.
            min_support: cells with fewer annotated images (or people) are excluded.
            level: family-wise confidence level of the intervals, in (0, 1).
            source: description of the labels.
            threshold, compounds, people: see ``fbn.relatedness.counts.count``.

        Raises:
            FormatError: as in ``fbn.relatedness.counts.count``; or a level outside (0, 1).
        """
        if not 0 < level < 1:
            raise FormatError(f"level = {level}: expected between 0 and 1")
        counts = count(labels, threshold, compounds, people)
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
            doubly_labelled=counts.doubly_labelled,
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
        """Return one cell. Raises FormatError if there is no such cell."""
        if category not in self.expressions or au not in AU_INDEX:
            raise FormatError(
                f"no cell {category}, AU{au}: expected one of {', '.join(self.categories)}, and of 17 AUs"
            )
        return self.cells[self.categories.index(category) * len(AU_NUMBERS) + AU_INDEX[au]]

    def supported(self, cell: Cell) -> bool:
        """Whether the cell has at least ``min_support`` images."""
        return cell.images >= self.min_support and cell.images > 0

    def table(self) -> RelatednessTable:
        """Convert the rates to a table; unsupported cells and neutral are empty."""
        rows: dict[str, dict[int, float]] = {c: {} for c in self.categories if c != Expression.NEUTRAL}
        for cell in self.cells:
            if cell.category != Expression.NEUTRAL and self.supported(cell):
                rows[cell.category][cell.au] = min(cell.weight, 1.0)
        left_out = f"cells under {self.min_support:g} {self.counted} left empty"
        note = f"inferred from {self.doubly_labelled} images with both labels; {left_out}"
        return RelatednessTable.of(rows, Provenance(self.source, note=note))


@dataclass(frozen=True)
class Agreement:
    """Comparison of one cell in two tables.

    Attributes:
        category, au: category and AU number.
        first, second: weights; 0 for a missing one.
        relation: BOTH: both tables have a weight. APART: likewise, but the weights differ by more than ``apart``.
            FIRST, SECOND: only that table has one. UNSEEN: only one has, and the other has no weight of this AU in any
            row; perhaps it was not annotated.
    """

    category: str
    au: int
    first: float
    second: float
    relation: Relation


def compare(
    evidence: Evidence, table: RelatednessTable, level: float = 0.95, tolerance: Tolerance = Tolerance()
) -> tuple[Finding, ...]:
    """Test each cell of a table against images.

    With probability ``level`` no cell whose true rate is within the tolerance is contradicted (Holm over all tested
    cells). The tested cells are those of common categories, except neutral, with enough images.

    Args:
        evidence: counts.
        table: the table to test.
        level: family-wise confidence level, in (0, 1).
        tolerance: differences from the table that are not contradictions.

    Returns:
        One finding per cell, in the vocabulary's order; see ``Finding.contradicted``.
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
        verdict = CellVerdict.TOO_FEW
        if cell in tests:
            verdict = tests[cell][1] if p <= 1 - level else CellVerdict.HOLDS
        weight = rows[cell.category].get(cell.au, 0.0)
        counts = (cell.images, cell.active, cell.weight, cell.low, cell.high)
        findings.append(Finding(cell.category, cell.au, weight, *counts, p, verdict))
    return tuple(findings)


def agreement(first: RelatednessTable, second: RelatednessTable, apart: float = 0.3) -> tuple[Agreement, ...]:
    """Compare the cells of two tables in their common categories.

    Args:
        first, second: the tables.
        apart: weights that differ by more have the relation APART (fbn's choice).
    """
    found = []
    listed = {id(t): {n for c in t.categories for n in t.row(c)} for t in (first, second)}
    for category in (c for c in first.categories if c in second.categories):
        one, two = first.row(category), second.row(category)
        for au in sorted(one.keys() | two.keys()):
            w, v = one.get(au, 0.0), two.get(au, 0.0)
            if min(w, v) >= MIN_WEIGHT:
                # weights are decimals: 1 - 0.7 is not quite 0.3
                relation = Relation.BOTH if abs(w - v) <= apart + 1e-9 else Relation.APART
            elif max(w, v) < MIN_WEIGHT:
                continue
            elif au not in listed[id(second if w > v else first)]:
                relation = Relation.UNSEEN
            else:
                relation = Relation.FIRST if w > v else Relation.SECOND
            found.append(Agreement(category, au, w, v, relation))
    return tuple(found)


def _totals(evidence: Evidence) -> dict[int, tuple[float, float]]:
    """Return numbers of images and of active images of each AU over all categories."""
    totals: dict[int, tuple[float, float]] = dict.fromkeys(AU_NUMBERS, (0.0, 0.0))
    for cell in evidence.cells:
        images, active = totals[cell.au]
        totals[cell.au] = (images + cell.images, active + cell.active)
    return totals


def _test(cell: Cell, weight: float, elsewhere: tuple[float, float], tolerance: Tolerance) -> tuple[float, CellVerdict]:
    """Return the p-value of the cell's null hypothesis, and the verdict if it is rejected.

    Args:
        cell: the cell.
        weight: weight in the table; 0 if there is none.
        elsewhere: numbers of images and of active images in all other categories.
        tolerance: differences from the weight that the null hypothesis includes.
    """
    k, n = cell.active, cell.images
    if weight == 1:
        return float(at_most(k, n, 1 - tolerance.missed)), CellVerdict.LESS
    if weight == 0:
        # rejected only if both hold: more frequent than tolerated, and than in other categories
        other_images, other_active = (round(part) for part in elsewhere)
        more_than_others = hypergeom.sf(round(k) - 1, round(n) + other_images, round(k) + other_active, round(n))
        return max(float(at_least(k, n, tolerance.absent)), float(more_than_others)), CellVerdict.MORE
    more = float(at_least(k, n, min(1.0, weight + tolerance.observational)))
    less = float(at_most(k, n, max(0.0, weight - tolerance.observational)))
    return min(1.0, 2 * min(more, less)), CellVerdict.MORE if more < less else CellVerdict.LESS


def at_least(k: float | np.ndarray, n: float | np.ndarray, rate: float) -> np.ndarray:
    """P(X >= k) of a binomial distribution with n trials; of fractional (weighted) counts by the beta function."""
    return np.where(np.asarray(k) > 0, betainc(np.maximum(k, 1e-9), np.asarray(n) - k + 1, rate), 1.0)


def at_most(k: float | np.ndarray, n: float | np.ndarray, rate: float) -> np.ndarray:
    """P(X <= k) of a binomial distribution with n trials, as ``at_least``."""
    rest = np.asarray(n) - k
    return np.where(rest > 0, betaincc(np.asarray(k) + 1, np.maximum(rest, 1e-9), rate), 1.0)


def clopper_pearson(k: np.ndarray, n: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute the Clopper-Pearson interval of each rate at confidence level 1 - alpha."""
    rest = np.maximum(n - k, 0)
    low = np.where(k > 0, betaincinv(np.maximum(k, 1e-9), rest + 1, alpha / 2), 0.0)
    high = np.where(rest > 0, betaincinv(k + 1, np.maximum(rest, 1e-9), 1 - alpha / 2), 1.0)
    return low, high


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values [M] for the family-wise error rate (Holm 1979)."""
    order = np.argsort(p)
    scaled = np.minimum(1.0, (len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(scaled)
    return adjusted

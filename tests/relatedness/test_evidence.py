"""What annotated images say of a table: counts, intervals, and which cells they contradict."""

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest

from fbn.errors import FormatError
from fbn.labelling import pseudo_annotate
from fbn.records import Annotations, Predictions
from fbn.relatedness import RelatednessTable
from fbn.relatedness.evidence import (
    CellVerdict,
    Evidence,
    Relation,
    Tolerance,
    agreement,
    at_least,
    at_most,
    compare,
    holm,
)
from fbn.synthetic.annotators import Noise
from fbn.synthetic.world import World, WorldSettings
from fbn.tasks import ACTION_UNITS
from fbn.vocabulary import AU_INDEX, EXPRESSION_INDEX, EXPRESSIONS

DU = RelatednessTable.named("du2014")
CHANGED = DU.edited("fear", 5, None).edited("anger", 9, 1)


def _drawn(table: RelatednessTable, seed: int, noise: Noise = Noise()) -> Evidence:
    world = World(table, seed, settings=WorldSettings(noise=noise))
    return Evidence.of(Annotations.stack([world.draw(i).annotations for i in range(2000)]))


def _named(evidence: Evidence, table: RelatednessTable) -> dict[tuple[str, int], CellVerdict]:
    return {(f.category, f.au): f.verdict for f in compare(evidence, table) if f.contradicted}


@pytest.mark.parametrize(
    ("seed", "noise"), [(0, Noise()), (1, Noise()), (2, Noise(miss=0.1, imagine=0.05, confuse=0.1))]
)
def test_2000_pictures_name_every_changed_cell_and_no_other(seed: int, noise: Noise) -> None:
    evidence = _drawn(CHANGED, seed, noise)
    assert _named(evidence, DU) == {("fear", 5): CellVerdict.LESS, ("anger", 9): CellVerdict.MORE}
    assert _named(evidence, CHANGED) == {}


@pytest.mark.parametrize("seed", range(2))
def test_a_world_made_with_the_table_contradicts_nothing(seed: int) -> None:
    assert _named(_drawn(DU, seed), DU) == {}


def _labels(rates: torch.Tensor, each: int, generator: torch.Generator) -> Annotations:
    """``each`` images of each expression whose AUs are active at the rates [7, 17]."""
    labels = Annotations.empty(7 * each)
    labels.expression.copy_(torch.eye(7).repeat_interleave(each, 0))
    labels.expression_weight.fill_(1)
    labels.action_units.copy_(torch.bernoulli(rates.repeat_interleave(each, 0), generator=generator))
    labels.action_units_weight.fill_(1)
    return labels


def test_all_cells_together_err_as_rarely_as_promised() -> None:
    """Every rate at the very edge of what its cell's tolerance forgives."""
    how, r = Tolerance(), DU.matrix()
    edge = torch.where(r == 1, 1 - how.missed, torch.where(r == 0, how.absent, (r + how.observational).clamp(max=1)))
    generator = torch.Generator().manual_seed(0)
    rounds = 60
    wrong = sum(
        any(f.contradicted for f in compare(Evidence.of(_labels(edge, 100, generator)), DU)) for _ in range(rounds)
    )
    assert wrong <= binom.ppf(0.999, rounds, 0.05)


def test_what_is_forgiven_and_what_is_not() -> None:
    r = DU.matrix()
    rates = torch.where(r == 1, 0.8, torch.where(r == 0, 0.05, (r - 0.05).clamp(0, 1)))
    rates[:, AU_INDEX[14]] = 0.4  # as common everywhere as in the rows that do not name it
    rates[EXPRESSION_INDEX["happiness"], AU_INDEX[12]] = 0.5
    rates[EXPRESSION_INDEX["sadness"], AU_INDEX[17]] = 0.3
    evidence = Evidence.of(_labels(rates, 400, torch.Generator().manual_seed(1)))
    assert _named(evidence, DU) == {("happiness", 12): CellVerdict.LESS, ("sadness", 17): CellVerdict.LESS}
    assert len([f for f in compare(evidence, DU, tolerance=Tolerance(0.01, 0.01, 0.01)) if f.contradicted]) > 10


def test_counts_and_rates() -> None:
    faces = [
        Annotations.of("happiness", {12: 1, 6: 1}),
        Annotations.of("happiness", {12: 1, 6: 0}),
        Annotations.of("happiness", {12: 1}),
        Annotations.of("happiness", {12: 0}),
        Annotations.of("neutral", {4: 1}),
        Annotations.of(action_units={12: 0, 6: 1}),
        Annotations.of("fear"),
    ]
    evidence = Evidence.of(Annotations.stack(faces), min_support=3, source="seven faces")
    cell = evidence.cell("happiness", 12)
    assert (cell.images, cell.active, cell.weight) == (4, 3, 0.75)
    assert evidence.cell("neutral", 4).weight == 1
    assert evidence.cell("fear", 1).weight == 0
    assert evidence.doubly_labelled == 5
    assert evidence.expressions["happiness"] == 4
    assert evidence.expressions["fear"] == 1
    assert evidence.units[12] == (5, 3)
    assert evidence.units[6] == (3, 2)
    assert evidence.table() == RelatednessTable.infer(Annotations.stack(faces), 3)
    assert evidence.table().provenance.source == "seven faces"
    assert {f.verdict for f in compare(evidence, DU) if (f.category, f.au) != ("happiness", 12)} == {
        CellVerdict.TOO_FEW
    }
    with pytest.raises(FormatError, match="no cell joy, AU12"):
        evidence.cell("joy", 12)
    with pytest.raises(FormatError, match="level = 95"):
        Evidence.of(Annotations.stack(faces), level=95)


def test_intervals_are_clopper_pearson_for_all_cells_together() -> None:
    faces = [Annotations.of("anger", {4: float(i < 7), 9: 0, 24: 1}) for i in range(20)]
    evidence = Evidence.of(Annotations.stack(faces), level=0.9)
    for au, active in ((4, 7), (9, 0), (24, 20)):
        expected = binomtest(active, 20).proportion_ci(1 - 0.1 / 3, "exact")
        cell = evidence.cell("anger", au)
        assert (cell.low, cell.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_finding_carries_its_numbers() -> None:
    rates = DU.matrix()
    rates[EXPRESSION_INDEX["anger"], AU_INDEX[9]] = 1
    found = compare(Evidence.of(_labels(rates, 50, torch.Generator().manual_seed(0))), DU)
    assert len(found) == 6 * 17
    finding = next(f for f in found if (f.category, f.au) == ("anger", 9))
    assert (finding.weight_in_table, finding.images, finding.active, finding.observed) == (0, 50, 50, 1)
    assert finding.low > 0.8
    assert finding.high == 1
    assert finding.p < 1e-6


def test_one_person_counts_once() -> None:
    clips = [("a", [1] * 90 + [0] * 10), ("b", [0] * 50), ("c", [0])]
    faces = [(who, Annotations.of("fear", {5: float(seen)})) for who, frames in clips for seen in frames]
    labels = Annotations.stack([face for _, face in faces])
    evidence = Evidence.of(labels, min_support=3, people=[who for who, _ in faces])
    cell = evidence.cell("fear", 5)
    assert (cell.images, cell.active) == pytest.approx((3, 0.9))
    assert evidence.cell("fear", 1).images == 0
    assert "3 people" in evidence.table().provenance.note
    # 151 frames contradict 0.63, three people do not
    assert _named(Evidence.of(labels), DU.edited("fear", 5, 0.9)) == {("fear", 5): CellVerdict.LESS}
    assert _named(evidence, DU.edited("fear", 5, 0.9)) == {}
    with pytest.raises(FormatError, match="people, 1 entries: expected one for each of 151"):
        Evidence.of(labels, people=["a"])


def test_compound_expressions_have_rows_of_their_own() -> None:
    faces = [Annotations.of({"fear": 1, "surprise": 1}, {5: 1, 1: 1})] * 20 + [Annotations.of("fear", {5: 0})] * 20
    names = ["fearfully surprised"] * 20 + [""] * 20
    evidence = Evidence.of(Annotations.stack(faces), compounds=names)
    assert evidence.categories == (*(e.value for e in EXPRESSIONS), "fearfully surprised")
    assert evidence.cell("fearfully surprised", 5).weight == 1
    assert evidence.cell("fear", 5).weight == 0
    assert evidence.cell("surprise", 5).images == 0
    assert evidence.table().row("fearfully surprised") == {1: 1, 5: 1}
    with pytest.raises(FormatError, match="'gleeful'"):
        Evidence.of(Annotations.stack(faces), compounds=["gleeful"] * 40)


def test_a_networks_predictions_stand_in_for_missing_units() -> None:
    labels = Annotations.stack([Annotations.of("fear")] * 12)
    logits = torch.full((12, 17), -2.0)
    logits[:9, AU_INDEX[7]] = 2.0
    predicted = pseudo_annotate(labels, Predictions.of(action_units=logits), tasks=(ACTION_UNITS,))
    assert Evidence.of(predicted).table().row("fear") == {7: 0.75}


def test_where_two_tables_agree() -> None:
    relations = {(a.category, a.au): a.relation for a in agreement(DU, RelatednessTable.named("affwild2"))}
    assert relations["fear", 7] == Relation.SECOND
    assert relations["happiness", 12] == Relation.BOTH
    assert relations["happiness", 25] == Relation.BOTH
    assert relations["surprise", 26] == Relation.APART
    assert relations["anger", 17] == Relation.FIRST
    assert relations["fear", 20] == Relation.UNSEEN
    assert ("happiness", 4) not in relations
    assert all(a.relation == Relation.BOTH for a in agreement(DU, DU))


def test_tails_against_scipy() -> None:
    for k in (0, 3, 10):
        assert at_least(k, 10, 0.3) == pytest.approx(binom.sf(k - 1, 10, 0.3))
        assert at_most(k, 10, 0.3) == pytest.approx(binom.cdf(k, 10, 0.3))
    assert at_least(3.5, 10, 0.3) < at_least(3, 10, 0.3)


def test_holm() -> None:
    assert holm(np.array([0.03, 0.01, 0.04])) == pytest.approx([0.06, 0.03, 0.06])
    assert holm(np.array([])).size == 0

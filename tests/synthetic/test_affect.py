import numpy as np
import pytest

from fbn.relatedness import RelatednessTable
from fbn.synthetic.activity import typical
from fbn.synthetic.affect import POSITIONS, UNIT_TERMS, display, shares, valence_arousal
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, EXPRESSIONS, Expression

DU = RelatednessTable.named("du2014")


def _felt(category: str, intensity: float = 0.9) -> tuple[float, float]:
    row = DU.row(category)
    units = np.zeros(len(AU_NUMBERS))
    for number, value in typical(row, intensity).items():
        units[AU_INDEX[number]] = value
    valence, arousal = valence_arousal(display(category, row, units), units)
    return float(valence), float(arousal)


def test_expressions_lie_where_the_circumplex_has_them():
    felt = {e: _felt(e.value) for e in EXPRESSIONS}
    assert felt[Expression.NEUTRAL] == (0, 0)
    assert felt[Expression.HAPPINESS][0] > 0.5
    for unpleasant in (Expression.ANGER, Expression.DISGUST, Expression.FEAR, Expression.SADNESS):
        assert felt[unpleasant][0] < -0.4
    assert abs(felt[Expression.SURPRISE][0]) < 0.2
    for aroused in (Expression.ANGER, Expression.FEAR, Expression.SURPRISE):
        assert felt[aroused][1] > 0.4
    assert felt[Expression.SADNESS][1] < -0.1
    assert felt[Expression.FEAR][1] > felt[Expression.DISGUST][1] > felt[Expression.HAPPINESS][1]


def test_a_stronger_display_lies_further_out():
    for category in ("happiness", "fear", "anger"):
        radii = [np.hypot(*_felt(category, intensity)) for intensity in (0.5, 0.7, 0.9)]
        assert radii == sorted(radii)
        assert radii[0] < radii[2] - 0.05


def test_every_unit_has_terms_of_the_documented_sign_and_size():
    assert set(UNIT_TERMS) == set(AU_NUMBERS)
    assert {n for n, (valence, _) in UNIT_TERMS.items() if valence > 0} == {6, 12}
    assert {n for n, (_, arousal) in UNIT_TERMS.items() if arousal < 0} == {15, 17}
    places = [abs(v) for e, (v, _) in POSITIONS.items() if e not in (Expression.NEUTRAL, Expression.SURPRISE)]
    assert max(abs(v) for v, _ in UNIT_TERMS.values()) < min(places)


def test_a_unit_moves_affect_in_proportion():
    shown, units = np.zeros(len(EXPRESSIONS)), np.zeros(len(AU_NUMBERS))
    units[AU_INDEX[12]] = 0.5
    assert valence_arousal(shown, units) == pytest.approx([0.09, 0.02])
    units[AU_INDEX[5]] = 1.0
    assert valence_arousal(shown, units) == pytest.approx([0.09, 0.14])


def test_a_compound_lies_between_its_components():
    assert shares("sadly angry").tolist() == [0, 0.5, 0, 0, 0, 0.5, 0]
    assert _felt("happily surprised")[0] > 0.2
    assert _felt("happily surprised")[1] > _felt("happiness")[1]
    assert _felt("sadly angry")[1] > _felt("sadness")[1]


def test_affect_is_clipped():
    high = valence_arousal(shares("happiness"), np.zeros(len(AU_NUMBERS)), (3.0, -3.0))
    assert high.tolist() == [1, -1]

import numpy as np
import pytest

from fbn.relatedness import RelatednessTable
from fbn.synthetic.affect import shares
from fbn.synthetic.annotators import Noise, label_affect, label_class, label_units, likeness, vote
from fbn.vocabulary import EXPRESSION_INDEX, EXPRESSIONS

DU = RelatednessTable.named("du2014")
SEVEN = tuple(e.value for e in EXPRESSIONS)
N = 4000


def test_units_are_missed_and_imagined_at_their_rates():
    active = np.tile([1.0, 0.0], (N, 1))
    given = label_units(active, Noise(miss=0.3, imagine=0.05), np.random.default_rng(0))
    assert given[:, 0].mean() == pytest.approx(0.7, abs=0.03)
    assert given[:, 1].mean() == pytest.approx(0.05, abs=0.015)
    assert (label_units(active, Noise(), np.random.default_rng(0)) == active).all()


def test_fear_is_taken_for_surprise_more_often_than_for_happiness():
    alike = likeness(DU, SEVEN)
    assert alike.sum(1) == pytest.approx(np.ones(7))
    assert not np.diag(alike).any()
    fear = alike[EXPRESSION_INDEX["fear"]]
    assert fear[EXPRESSION_INDEX["surprise"]] > 2 * fear[EXPRESSION_INDEX["happiness"]]


def test_classes_are_confused_at_the_rate_and_by_likeness():
    alike, generator = likeness(DU, SEVEN), np.random.default_rng(0)
    fear = EXPRESSION_INDEX["fear"]
    given = np.array([label_class(fear, alike, Noise(confuse=0.4), generator) for _ in range(N)])
    assert (given != fear).mean() == pytest.approx(0.4, abs=0.03)
    wrong = np.bincount(given[given != fear], minlength=7) / (given != fear).sum()
    assert wrong == pytest.approx(alike[fear], abs=0.05)
    assert label_class(fear, alike, Noise(), generator) == fear


def test_a_single_class_cannot_be_confused():
    alike = likeness(DU, ("fear",))
    assert label_class(0, alike, Noise(confuse=1.0), np.random.default_rng(0)) == 0


def test_raters_add_their_bias_and_noise():
    generator = np.random.default_rng(0)
    given = np.stack([label_affect(np.zeros(2), Noise(affect_sd=0.1), (0.2, -0.1), generator) for _ in range(N)])
    assert given.mean(0) == pytest.approx([0.2, -0.1], abs=0.01)
    assert given.std(0) == pytest.approx([0.1, 0.1], rel=0.05)
    assert label_affect(np.ones(2), Noise(), (0.5, -2.5), generator).tolist() == [1, -1]


def test_ten_taggers_agree_unless_told_otherwise():
    generator = np.random.default_rng(0)
    assert vote(shares("fear"), DU, Noise(), generator)["fear"] == 10
    ballots = [vote(shares("fear"), DU, Noise(disagree=0.3, doubt=0.1), generator) for _ in range(500)]
    assert all(sum(ballot.values()) == 10 for ballot in ballots)
    assert np.mean([ballot["unknown"] for ballot in ballots]) == pytest.approx(1.0, abs=0.2)
    assert np.mean([ballot["fear"] for ballot in ballots]) == pytest.approx(6.3, abs=0.3)
    split = [vote(shares("sadly angry"), DU, Noise(), generator) for _ in range(200)]
    assert all(ballot["sadness"] + ballot["anger"] == 10 for ballot in split)

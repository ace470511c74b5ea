import numpy as np
import pytest

from fbn.relatedness import RelatednessTable
from fbn.synthetic.activity import Activity, coded, draw_units, typical
from fbn.vocabulary import AU_INDEX, AU_NUMBERS

DRAWS = 1500
SADNESS = {1: 0.6, 4: 1.0, 6: 0.5, 11: 0.26, 15: 1.0, 17: 0.67}


def _drawn(row: dict[int, float], how: Activity, strength: float = 0.5) -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.stack([draw_units(row, generator, how, strength) for _ in range(DRAWS)])


def _near(share: float, chance: float) -> bool:
    return abs(share - chance) <= 4 * np.sqrt(chance * (1 - chance) / DRAWS)


def test_prototypical_units_are_always_active_and_observational_ones_at_their_weight():
    rates = coded(_drawn(SADNESS, Activity(distractor=0))).mean(0)
    assert rates[AU_INDEX[4]] == rates[AU_INDEX[15]] == 1
    for number, weight in ((1, 0.6), (6, 0.5), (17, 0.67)):
        assert _near(rates[AU_INDEX[number]], weight)
    others = [AU_INDEX[n] for n in AU_NUMBERS if n not in SADNESS]
    assert not rates[others].any()


def test_distractors_come_at_their_rate_and_leave_the_row_alone():
    rates = coded(_drawn(SADNESS, Activity(distractor=0.2))).mean(0)
    assert rates[AU_INDEX[4]] == 1
    assert _near(rates[AU_INDEX[6]], 0.5)
    free = [AU_INDEX[n] for n in AU_NUMBERS if n not in {*SADNESS, 24, 25, 26}]
    assert all(_near(rates[i], 0.2) for i in free)


def test_a_distractor_gives_way_to_what_the_same_mouth_does_but_a_tables_own_units_never_do():
    one, other = AU_INDEX[24], AU_INDEX[25]
    active = coded(_drawn({25: 1.0}, Activity(distractor=0.5)))
    assert active[:, other].all()
    assert not active[:, one].any()
    both = coded(_drawn({24: 1.0, 25: 1.0}, Activity()))
    assert both[:, [one, other]].all()


def test_intensities_vary_between_active_and_full_and_traces_stay_below():
    units = _drawn(SADNESS, Activity(distractor=0, trace=1.0))
    strongest = units.max(-1)
    active = strongest[:, AU_INDEX[4]]
    assert active.min() >= 0.5
    assert active.max() <= 1
    assert active.std() > 0.08
    idle = strongest[:, AU_INDEX[9]]
    assert idle.max() < 0.4
    assert (idle > 0.05).mean() > 0.5
    assert not _drawn({}, Activity(distractor=0, trace=0)).any()


def test_strength_says_how_strong_active_units_are():
    weak, strong = (_drawn({12: 1.0}, Activity(), strength)[:, AU_INDEX[12]].mean() for strength in (0.1, 0.9))
    assert weak == pytest.approx(0.55, abs=0.02)
    assert strong == pytest.approx(0.95, abs=0.02)


def test_halves_differ_by_the_lean():
    assert np.ptp(_drawn({12: 1.0}, Activity(lean=0)), axis=-1).max() == 0
    units = _drawn({12: 1.0}, Activity(lean=0.05), 0.3)[:, AU_INDEX[12]]
    lean = (units[:, 0] - units[:, 1]) / units.sum(-1)
    assert lean.std() == pytest.approx(0.05, rel=0.1)
    assert abs(lean.mean()) < 0.006


def test_settings_do_not_disturb_one_another():
    calm, busy = (_drawn({12: 1.0}, Activity(distractor=rate)) for rate in (0, 0.5))
    assert (calm[:, AU_INDEX[12]] == busy[:, AU_INDEX[12]]).all()


def test_typical_units_are_those_seen_more_often_than_not():
    assert typical(RelatednessTable.named("du2014").row("sadness"), 0.7) == {1: 0.7, 4: 0.7, 6: 0.7, 15: 0.7, 17: 0.7}


def test_coders_go_by_the_stronger_half():
    assert coded(np.array([[0.2, 0.5], [0.49, 0.49], [0.6, 0.1]])).tolist() == [1, 0, 1]

"""Smoothing: constant stays constant, raw stays raw, faces stay apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter as scipy_median

from fbn.inference import FrameResult
from fbn.inference.smooth import OneEuroFilter, median_filter
from tests.inference.helpers import face, frame, sequence

VALUES = st.lists(st.none() | st.floats(-1, 1, width=32), max_size=20)
WINDOWS = st.sampled_from([1, 3, 5, 9])


def smoothed(results: list[FrameResult]) -> list[float | None]:
    return [float(r.faces[0].smoothed.vector()[0]) if r.faces else None for r in results]


@settings(max_examples=60)
@given(VALUES, WINDOWS)
def test_median_keeps_frames_and_raw_values(values: list[float | None], window: int) -> None:
    given_ = sequence(values)
    got = list(median_filter(given_, window))
    assert [r.index for r in got] == [r.index for r in given_]
    for before, after in zip(given_, got, strict=True):
        for old, new in zip(before.faces, after.faces, strict=True):
            assert new.affect is old.affect
            assert np.isfinite(new.smoothed.vector()).all()


@settings(max_examples=30)
@given(VALUES)
def test_window_one_is_the_identity(values: list[float | None]) -> None:
    assert smoothed(list(median_filter(sequence(values), 1))) == values


@settings(max_examples=30)
@given(st.floats(-1, 1, width=32), st.lists(st.booleans(), min_size=1, max_size=20), WINDOWS)
def test_constant_stays_constant(value: float, seen: list[bool], window: int) -> None:
    values = [value if s else None for s in seen]
    assert smoothed(list(median_filter(sequence(values), window))) == values
    live = OneEuroFilter()
    assert smoothed([live(r) for r in sequence(values)]) == values


def test_median_agrees_with_scipy_away_from_the_ends() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, 40).astype(np.float32)
    got = smoothed(list(median_filter(sequence(values.tolist()), 7)))
    assert got[3:-3] == pytest.approx(scipy_median(values, 7)[3:-3].tolist(), abs=1e-7)


def test_median_window_is_cut_short_at_ends_and_gaps() -> None:
    got = smoothed(list(median_filter(sequence([0.0, 1.0, 0.25, None, 0.5]), 3)))
    assert got == [0.5, 0.25, 0.625, None, 0.5]


def test_median_holds_no_more_than_its_window() -> None:
    taken = []
    endless = (taken.append(r) or r for r in sequence([0.0] * 100))
    first = next(median_filter(endless, 5))
    assert first.index == 0
    assert len(taken) == 3


def test_median_keeps_faces_apart() -> None:
    swap = [frame(i, [face(0), face(1)]) for i in range(5)]
    for result in median_filter(swap, 5):
        for one in result.faces:
            assert np.array_equal(one.smoothed.vector(), one.affect.vector())


@pytest.mark.parametrize("window", [0, 2, -1])
def test_median_refuses_an_even_window(window: int) -> None:
    with pytest.raises(ValueError, match="odd"):
        list(median_filter(sequence([0.0]), window))


def test_one_euro_calms_jitter_and_follows_a_step() -> None:
    random = np.random.default_rng(0)
    values = np.concatenate([np.zeros(60), np.ones(60)]) + random.normal(0, 0.03, 120)
    live = OneEuroFilter()
    got = np.array(smoothed([live(r) for r in sequence(values.tolist())]))
    assert got[20:60].std() < 0.6 * values[20:60].std()
    assert got[60 + 10] > 0.9  # a third of a second after the step


def test_one_euro_forgets_a_face_that_left() -> None:
    live = OneEuroFilter(memory=0.5)
    for result in sequence([0.0] * 10):
        live(result)
    live(frame(40))
    back = live(frame(41, [face(0)])).faces[0]
    assert np.array_equal(back.smoothed.vector(), back.affect.vector())


def test_one_euro_takes_two_frames_at_one_time() -> None:
    live = OneEuroFilter()
    for result in [*sequence([0.0]), *sequence([1.0])]:
        assert np.isfinite(live(result).faces[0].smoothed.vector()).all()

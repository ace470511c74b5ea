from dataclasses import replace

import numpy as np
import pytest

from fbn.errors import FormatError
from fbn.relatedness import RelatednessTable
from fbn.synthetic.activity import Activity, coded
from fbn.synthetic.clips import Clip, Episode, draw_clip
from fbn.synthetic.domains import DOMAINS, Domain
from fbn.synthetic.world import Truth, World, WorldSettings
from fbn.vocabulary import AU_INDEX

DU = RelatednessTable.named("du2014")
QUIET = WorldSettings(activity=Activity(distractor=0, trace=0), affect_sd=0)
STILL = Domain(yaw=0, pitch=0, roll=0, gaze=0)


def _units(truth: Truth) -> np.ndarray:
    return truth.face.intensities


@pytest.fixture(scope="module")
def clip() -> Clip:
    return draw_clip(World(DU, 4, DOMAINS["affwild2"]), 2, seconds=6)


def test_nothing_jumps_between_frames(clip: Clip):
    frames = list(clip.frames(30))
    assert len(frames) == 181
    units = np.stack([_units(f) for f in frames])
    assert np.abs(np.diff(units, axis=0)).max() < 0.15  # an onset of 0.35 s is at most 1.5 / 0.35 / 30 steep
    assert units.max() > 0.5
    pose = np.array([(f.face.scene.yaw, f.face.scene.pitch, f.face.scene.roll) for f in frames])
    assert np.abs(np.diff(pose, axis=0)).max() < 1.5
    assert np.ptp(pose[:, 0]) > 1
    gaze = np.array([f.face.scene.gaze for f in frames])
    assert 0 < np.abs(np.diff(gaze, axis=0)).max() < 0.05
    affect = np.array([f.affect for f in frames])
    assert np.abs(np.diff(affect, axis=0)).max() < 0.15


def test_a_frame_depends_on_clip_and_time_alone(clip: Clip):
    again = draw_clip(World(DU, 4, DOMAINS["affwild2"]), 2, seconds=6)
    assert again == clip
    assert again.frame(1.5).face == clip.frame(1.5).face
    assert again.frame(1.5).face == list(clip.frames(2))[3].face
    assert draw_clip(clip.world, 3).face.identity != clip.face.identity
    assert clip.frame(1.0).face.camera.seed != clip.frame(1.1).face.camera.seed


def test_an_expression_comes_stays_and_goes():
    clip = draw_clip(World(DU, 1, STILL, QUIET), 0, categories=["happiness"])
    (episode,) = clip.episodes
    rising = [_units(clip.frame(t))[AU_INDEX[12], 0] for t in np.linspace(episode.start, episode.peak, 12)]
    falling = [
        _units(clip.frame(t))[AU_INDEX[12], 0] for t in np.linspace(episode.peak + episode.apex, episode.end, 12)
    ]
    assert rising[0] == 0
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == 0
    top = clip.frame(episode.peak)
    assert _units(top).tolist() == pytest.approx(np.array(episode.units), abs=1e-4)
    assert rising[-1] == pytest.approx(falling[0], abs=1e-4)
    assert top.category == "happiness"
    assert top.affect[0] > 0.4
    before = clip.frame(0)
    assert before.category == "neutral"
    assert before.affect == (0, 0)
    assert not coded(_units(before)).any()


def test_one_expression_turns_into_the_next_without_a_rest():
    world = World(DU, 1, STILL, QUIET)
    base = draw_clip(world, 0, categories=[])
    joy, shock = (tuple((0.9, 0.9) if n in row else (0.0, 0.0) for n in AU_INDEX) for row in ({12, 25}, {1, 2, 25, 26}))
    clip = replace(
        base,
        episodes=(Episode("happiness", joy, 0, 0.5, 1, 1), Episode("surprise", shock, 1.5, 1, 1, 0.5)),
        seconds=5,
    )
    named = [frame.category for frame in clip.frames(20)]
    changes = [a for a, b in zip(named, [*named[1:], ""], strict=True) if a != b]
    assert changes == ["neutral", "happiness", "surprise", "neutral"]
    lips = [_units(clip.frame(t))[AU_INDEX[25], 0] for t in np.linspace(0.5, 3.5, 60)]
    assert min(lips) >= 0.4


def test_compounds_are_labelled_as_such_at_their_apex():
    clip = draw_clip(World(DU, 0, DOMAINS["rafdb-compound"], QUIET), 0, categories=["sadly angry", "happily surprised"])
    for episode in clip.episodes:
        assert clip.frame(episode.peak).compound == episode.category
    assert clip.frame(0).compound is None


def test_eyes_blink_now_and_then_and_lids_pass_through_the_middle():
    clip = draw_clip(World(DU, 0, STILL, QUIET), 0, seconds=40, categories=None)
    lids = np.array([clip._blink(t) for t in np.arange(0, 40, 1 / 30)])
    blinks = ((lids[1:] > 0.5) & (lids[:-1] <= 0.5)).sum()
    assert 6 <= blinks <= 20
    assert lids.max() > 0.85
    assert (lids == 0).mean() > 0.8
    assert np.abs(np.diff(lids)).max() < 0.3


def test_heads_sway_as_far_as_their_domain():
    def sway(yaw: float) -> float:
        clips = [draw_clip(World(DU, 0, Domain(yaw=yaw), QUIET), n, seconds=1) for n in range(12)]
        return float(np.std([[c._sway(t)[0] for t in range(0, 200, 5)] for c in clips]))

    assert sway(10) == pytest.approx(5, rel=0.2)
    assert sway(0) == 0


def test_times_outside_and_rows_that_are_not_there_are_refused(clip: Clip):
    for time in (-0.1, 6.1):
        with pytest.raises(ValueError, match="expected 0 to 6 seconds"):
            clip.frame(time)
    with pytest.raises(FormatError, match="no row 'joy'"):
        draw_clip(clip.world, 0, categories=["joy"])

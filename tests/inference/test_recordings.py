"""Recordings of the live page: on disk while they are made, listed, rescued after a crash, deleted."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from fbn import locks
from fbn.errors import FbnError
from fbn.faces.frames import Frame
from fbn.inference import recordings
from fbn.inference.layouts import LAYOUTS
from fbn.inference.recordings import Recording
from tests.ui.conftest import FakeAnalyser

_GRAY = np.full((48, 64, 3), 128, np.uint8)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FBN_HOME", str(tmp_path))
    return tmp_path / "recordings"


def filled(frames: int, layout: str = "fbn", model: str = "mine") -> Recording:
    recording = recordings.begin(model, layout)
    analyser = FakeAnalyser()
    for number in range(frames):
        recording.add(analyser.step(Frame(_GRAY, number, number / 2, "a clip, mine")))
    return recording


def test_an_ended_recording_is_a_table_with_its_time_and_length(home: Path):
    recording = filled(5)
    recording.end()
    (entry,) = recordings.entries()
    assert (entry.path, entry.rows, entry.seconds) == (recording.path, 5, 2.0)
    assert not entry.unfinished
    with entry.path.open(newline="") as file:
        assert tuple(next(csv.reader(file))) == LAYOUTS["fbn"].columns
    assert f"{entry.began:%Y-%m-%d-%H%M%S}" in entry.path.name
    assert entry.path.name.endswith("-mine.csv")


def test_one_that_is_made_is_listed_and_belongs_to_its_maker():
    recording = filled(3)
    (entry,) = recordings.entries()
    assert (entry.unfinished, entry.recording, entry.path) == (True, recording, recording.path)
    recording.end()
    recording.end()
    assert not recording.active


def test_nothing_recorded_leaves_nothing(home: Path):
    filled(0).end()
    assert list(home.iterdir()) == []


def test_two_of_the_same_second_are_two():
    one, two = filled(1), filled(1)
    one.end()
    two.end()
    assert len(recordings.entries()) == 2


def test_what_a_crash_left_is_finished_without_its_torn_line(home: Path):
    recording = filled(4)
    recording.end()
    whole = recording.path.read_bytes()
    left = home / "fbn-live-2026-01-02-030405-mine.csv.part"
    left.write_bytes(whole[:-30])
    empty = home / "fbn-live-2026-01-02-030406-mine.csv.part"
    empty.write_bytes(whole.splitlines(keepends=True)[0])
    writes = locks.take(left)  # as the process that writes it does
    assert writes is not None
    assert [entry.unfinished for entry in recordings.entries()] == [False, True]
    os.close(writes)
    found = recordings.entries()
    assert [entry.rows for entry in found] == [4, 3]
    assert found[1].path.read_bytes() == b"".join(whole.splitlines(keepends=True)[:4])
    assert sorted(path.name for path in home.iterdir()) == sorted(entry.path.name for entry in found)


def test_strangers_in_the_folder_are_left_alone(home: Path):
    home.mkdir()
    (home / "fbn-live-notes.csv").write_text("mine")
    (home / "other.txt").write_text("mine")
    assert recordings.entries() == []


def test_a_full_one_ends_and_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "MAX_FRAMES", 2)
    recording = filled(4)
    assert not recording.active
    assert "2 frames, the most" in recording.problem
    assert recordings.entries()[0].rows == 2


def test_a_full_folder_is_said_before_anything_is_recorded(monkeypatch: pytest.MonkeyPatch):
    filled(2).end()
    monkeypatch.setattr(recordings, "MAX_BYTES", 10)
    with pytest.raises(FbnError, match="delete some first"):
        recordings.begin("mine", "fbn")


def test_a_disk_that_takes_no_more_ends_it_in_words(monkeypatch: pytest.MonkeyPatch):
    recording = filled(2)

    def full(result: object) -> None:
        raise FbnError("cannot be written (No space left on device)")

    monkeypatch.setattr(recording._writer, "write", full)
    recording.add(FakeAnalyser().step(Frame(_GRAY, 2, 1.0)))
    assert not recording.active
    assert "No space left on device" in recording.problem
    assert recordings.entries()[0].rows == 2


def test_a_deleted_one_is_gone():
    recording = filled(2)
    recording.end()
    recordings.delete(recording.path)
    recordings.delete(recording.path)
    assert recordings.entries() == []

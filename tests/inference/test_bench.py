"""fbn bench without the browser: it runs, and its figures are of the right things."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fbn.bench import frames
from fbn.cli import application
from fbn.errors import FbnError


def test_frame_times_name_every_stage(model_folder: Path) -> None:
    words = ["bench", "frame", "--json", "--count", "20", "--detector", "cascade", "--model", str(model_folder)]
    done = CliRunner().invoke(application, words)
    assert done.exit_code == 0
    figures = json.loads(done.stdout)
    assert figures["faces"] == 21  # the face is followed in every frame
    assert figures["detector"]["median_ms"] == 0  # while it is followed nothing is searched
    parts = [figures[stage]["median_ms"] for stage in ("landmarks", "network", "other")]
    assert min(parts) > 0
    assert max(parts) < figures["total"]["median_ms"] <= figures["total"]["p95_ms"]


def test_throughput_is_a_ratio(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []

    def seconds(call: Callable[[], object]) -> float:
        done.append(call())
        return (2.0, 1.0)[len(done) % 2]

    monkeypatch.setattr(frames, "_processor_seconds", seconds)
    figures = frames.throughput(str(model_folder), rounds=2, batch=8)
    assert (figures["analyser_faces_per_s"], figures["session_faces_per_s"], figures["ratio"]) == (8, 4, 2)
    # ours first, then the session's, once more than there are rounds
    assert [isinstance(said, list) for said in done] == [False, True] * 3


def test_reading_is_compared_on_the_same_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = tmp_path / "face.mp4"
    frames._write_video(video, 12, 30)
    done = CliRunner().invoke(application, ["bench", "reading", "--json", "--video", str(video), "--every", "5"])
    assert done.exit_code == 0
    figures = json.loads(done.stdout)
    assert figures["frames"] == 3
    assert min(figures["fbn_ms"], figures["opencv_ms"], figures["ratio"]) > 0
    monkeypatch.setattr(frames, "_opencv_frames", lambda video, every: iter(range(2)))
    with pytest.raises(FbnError, match="takes 3 frames and OpenCV 2"):
        frames.reading(video, 5, rounds=1)


def test_memory_is_that_of_the_child() -> None:
    peak = frames._peak_memory(["--version"])
    assert 5e6 < peak < 3e8


def test_an_analysis_that_fails_is_no_measurement(model_folder: Path, tmp_path: Path) -> None:
    words = ["analyse", str(tmp_path / "none.mp4"), "-o", str(tmp_path / "a.csv"), "--model", str(model_folder)]
    with pytest.raises(FbnError, match=r"none\.mp4: no such file"):
        frames._peak_memory(words)


def test_an_unknown_detector_is_wrong_usage() -> None:
    done = CliRunner().invoke(application, ["bench", "frame", "--detector", "bogus"])
    assert done.exit_code == 2
    assert "yunet" in done.output

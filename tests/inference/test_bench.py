"""fbn bench without the browser: it runs, and its figures are of the right things."""

import json
from pathlib import Path

from typer.testing import CliRunner

from fbn.bench import frames
from fbn.cli import application


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


def test_throughput_is_a_ratio(model_folder: Path) -> None:
    figures = frames.throughput(str(model_folder), rounds=2, batch=8)
    assert figures["analyser_faces_per_s"] > 0
    assert 0.1 < figures["ratio"] < 3


def test_memory_is_that_of_the_child() -> None:
    peak = frames._peak_memory(["--version"])
    assert 5e6 < peak < 3e8

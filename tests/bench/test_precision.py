"""Both precisions are timed in one run, whatever the machine would choose."""

from pathlib import Path
from typing import Any

import pytest

from fbn.bench.step import TrainingStep, precision
from fbn.training.precision import native, resolve_precision


def test_a_tiny_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Seen(TrainingStep):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self.precision)

    monkeypatch.setattr("fbn.bench.step.TrainingStep", Seen)
    file = tmp_path / "tiny.yaml"
    file.write_text(
        "network_args: {widths: [16, 16], blocks: [1, 1]}\nper_step: {ferplus: 4, affectnet: 4, ckplus: 4}\n"
    )
    found = precision(str(file), steps=3, side=32)
    assert (found["pictures"], found["side"], found["steps"]) == (12, 32, 3)
    assert made == ["bf16-mixed", "32-true"]
    assert (found["native"], found["auto"]) == (native(), resolve_precision("auto"))
    assert found["bf16_ms"] > 0 < found["whole_ms"]
    assert 0 < found["low"] <= found["ratio"] <= found["high"]

"""Both precisions are timed in one run, whatever the machine would choose."""

from pathlib import Path

from fbn.bench.precision import precision
from fbn.training.precision import native, settled


def test_a_tiny_recipe(tmp_path: Path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(
        "network_args: {widths: [16, 16], blocks: [1, 1]}\nper_step: {ferplus: 4, affectnet: 4, ckplus: 4}\n"
    )
    found = precision(str(file), steps=3, side=32)
    assert (found["pictures"], found["side"], found["steps"]) == (12, 32, 3)
    assert (found["native"], found["auto"]) == (native(), settled("auto"))
    assert found["bf16_ms"] > 0 < found["whole_ms"]
    assert 0 < found["low"] <= found["ratio"] <= found["high"]

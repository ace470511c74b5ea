"""What the couplings cost: both kinds of step are timed, on the recipe's own batch."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from fbn.bench.step import COUPLING, TrainingStep, coupling, labels, objective_of
from fbn.losses import Objective
from fbn.training import recipe as recipes


class Clock:
    """In place of ``time``: a call takes a second, and one more for each coupling term."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def timed(self, call: Callable[[TrainingStep, Objective], None]) -> Callable[[TrainingStep, Objective], None]:
        def taken(step: TrainingStep, objective: Objective) -> None:
            call(step, objective)
            self.now += 1 + sum(bool(term.weight) for name, term in objective.terms.items() if name in COUPLING)

        return taken


def test_a_tiny_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("fbn.bench.step.time", clock)
    for name in ("__call__", "losses"):
        monkeypatch.setattr(TrainingStep, name, clock.timed(getattr(TrainingStep, name)))
    file = tmp_path / "tiny.yaml"
    file.write_text(
        "network_args: {widths: [8, 8], blocks: [1, 1]}\nper_step: {ferplus: 4, affectnet: 4, ckplus: 4, celeba: 2}\n"
        "precision: 32-true\nobjective: {co_annotation: 0.5}\n"
    )
    found = coupling(str(file), steps=3, side=32)
    assert found["terms"] == {"co_annotation": 0.5, "distribution_matching": 0.3, "soft_co_annotation": 0.05}
    assert (found["pictures"], found["side"], found["compiled"], found["precision"]) == (14, 32, False, "32-true")
    assert (found["with_ms"], found["without_ms"]) == (found["loss_with_ms"], found["loss_without_ms"]) == (4000, 1000)
    assert found["low"] == found["share"] == found["high"] == found["share_of_losses"] == 3


@pytest.mark.parametrize(("native", "chosen"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_step_is_as_precise_as_a_training_would_be(
    native: bool, chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fbn.training.precision.native", lambda: native)
    file = tmp_path / "tiny.yaml"
    file.write_text("network_args: {widths: [16, 16], blocks: [1, 1]}\nper_step: {ferplus: 4, affectnet: 4, ckplus: 4}")
    step = TrainingStep(recipes.read(str(file)), 32, False)
    assert step.precision == chosen
    seen: list[torch.dtype] = []
    step.network.heads[0].output.register_forward_hook(lambda _, __, out: seen.append(out.dtype))
    step(objective_of(recipes.read(str(file))))
    assert seen == [torch.bfloat16 if native else torch.float32]


def test_labels_are_those_of_the_recipes_sets() -> None:
    recipe = recipes.read("base")
    drawn = labels(recipe)
    counts = recipe.per_step
    assert len(drawn.expression_weight) == sum(counts.values())
    assert int(drawn.expression_weight.sum()) == counts["ferplus"] + counts["affectnet"] + counts["ckplus"]
    assert int(drawn.valence_arousal_weight.sum()) == counts["affectnet"]
    assert int(drawn.action_units_weight.amax(-1).sum()) == counts["ckplus"]

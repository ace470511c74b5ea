"""Training: it learns, it stops and goes on bit for bit, two processes do what one does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing
from torch import distributed

from fbn.errors import FormatError
from fbn.losses import Objective
from fbn.records import Annotations, Predictions
from fbn.training import multitask, run
from fbn.training.multitask import MultiTask, averager, gathered
from fbn.training.publish import load_run
from tests.training.helpers import corpus, recipe


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))


def state(out: Path, file: str = run.LAST) -> dict[str, torch.Tensor]:
    """Everything a checkpoint holds of the weights: averaged and current."""
    saved = torch.load(out / file, weights_only=True)
    return saved["state_dict"] | {f"current.{key}": value for key, value in saved["current_model_state"].items()}


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    data = corpus(tmp_path / "data")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    three = recipe(epochs=3, balance={"ferplus": 0.5})
    for out in (whole, parts):
        run.begin(three, out, resume=False)
    run.fit(three, data, whole, threads=1, workers=0, progress=False)
    torch.rand(17)  # another state of the global generator must not matter

    class Stop(Exception):
        pass

    original, epochs = run.EpochReport.on_train_epoch_start, []

    def stop_at_the_second(self: run.EpochReport, trainer: object, module: object) -> None:
        epochs.append(1)
        if len(epochs) == 3:
            raise Stop
        original(self, trainer, module)  # type: ignore[arg-type]

    run.EpochReport.on_train_epoch_start = stop_at_the_second  # type: ignore[assignment, method-assign]
    try:
        with pytest.raises(Stop):
            run.fit(three, data, parts, threads=1, workers=1, progress=False)
    finally:
        run.EpochReport.on_train_epoch_start = original  # type: ignore[method-assign]
    run.fit(three, data, parts, threads=1, workers=1, progress=False)
    one, other = state(whole), state(parts)
    assert one.keys() == other.keys()
    assert [key for key in one if not torch.equal(one[key], other[key])] == []
    # the log of the epochs before the stop is still there
    assert sum((parts / f"logs/{i}/metrics.csv").is_file() for i in range(2)) == 2


@pytest.mark.skipif(not any(map(shutil.which, multitask.COMPILERS)), reason="no C++ compiler")
def test_a_compiled_run_is_the_plain_one_within_rounding(tmp_path: Path) -> None:
    data = corpus(tmp_path / "data")
    for out, compiled in ((tmp_path / "plain", False), (tmp_path / "compiled", True)):
        settings = recipe(
            epochs=1, steps_per_epoch=2, compile=compiled, network_args={"widths": [16], "blocks": [1], "dropout": 0.0}
        )
        run.begin(settings, out, resume=False)
        run.fit(settings, data, out, threads=1, workers=0, progress=False)
    one, other = state(tmp_path / "plain"), state(tmp_path / "compiled")
    assert one.keys() == other.keys()
    # where a gradient is almost 0, rounding decides the direction of AdamW's first steps: all but a few weights agree
    far = sum(int((~torch.isclose(one[key], other[key], rtol=1e-3, atol=1e-4)).sum()) for key in one)
    assert far < 0.01 * sum(value.numel() for value in one.values())


def test_without_a_compiler_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multitask, "COMPILERS", ("no-such-compiler",))
    settings = recipe(epochs=1, steps_per_epoch=1, compile=True)
    run.begin(settings, tmp_path / "run", resume=False)
    with pytest.warns(UserWarning, match="no-such-compiler is there"):
        run.fit(settings, corpus(tmp_path / "data"), tmp_path / "run", threads=1, workers=0, progress=False)
    assert (tmp_path / "run" / run.LAST).exists()


def test_overfits_a_handful_of_pictures(tmp_path: Path) -> None:
    data = corpus(tmp_path / "data")
    still = dict.fromkeys(("rotation", "shift", "light", "gray", "dark", "blur", "jpeg", "small", "erase"), 0)
    settings = recipe(
        network_args={"widths": [16, 32, 32], "blocks": [1, 1, 1], "dropout": 0.0},
        epochs=4,
        steps_per_epoch=20,
        learning_rate=1e-2,
        averaging=0.8,
        augmentation=still,
    )
    out = tmp_path / "run"
    run.begin(settings, out, resume=False)
    run.fit(settings, data, out, threads=1, workers=0, progress=False)
    log = np.genfromtxt(out / "logs/0/metrics.csv", delimiter=",", names=True)
    losses = log["loss_epoch"][~np.isnan(log["loss_epoch"])]
    assert losses[-1] < 0.7 * losses[0]
    scores = log["score"][~np.isnan(log["score"])]
    assert scores[-1] > 0.7
    assert load_run(out)(torch.zeros(1, 3, 112, 112)).expression_logits is not None


@pytest.mark.parametrize(
    "other", [{"widths": [16, 32, 32], "blocks": [1, 1, 1]}, {"widths": [16, 48], "blocks": [1, 1]}]
)
def test_a_run_of_another_network_does_not_go_on(other: dict[str, list[int]], tmp_path: Path) -> None:
    data, out = corpus(tmp_path / "data"), tmp_path / "run"
    run.begin(recipe(), out, resume=False)
    run.fit(recipe(), data, out, threads=1, workers=0, progress=False)
    asked = recipe(epochs=9, network_args=other)
    with pytest.raises(FormatError, match="checkpoint is of another network, or of another version of fbn"):
        run.fit(asked, data, out, threads=1, workers=0, progress=False)
    (out / run.RECIPE).write_text(asked.model_dump_json())
    with pytest.raises(FormatError, match=r"best\.ckpt: weights of another network"):
        load_run(out)


def test_a_run_folder_is_not_overwritten_nor_mixed(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run.begin(recipe(), out, resume=False)
    (out / "checkpoints").mkdir()
    (out / run.LAST).write_bytes(b"")
    with pytest.raises(FormatError, match="--resume"):
        run.begin(recipe(), out, resume=False)
    with pytest.raises(FormatError, match="differs in learning_rate"):
        run.begin(recipe(learning_rate=0.5), out, resume=True)
    run.begin(recipe(), out, resume=True)
    assert run.read_run_recipe(out) == recipe()


def test_the_schedule_warms_up_and_ends_at_zero() -> None:
    settings = recipe(warmup=10, learning_rate=0.1)
    network = settings.build_network()
    configured = MultiTask(network, settings.build_objective(), settings, 110).configure_optimizers()
    optimiser, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]  # type: ignore[index, call-overload]
    rates = []
    for _ in range(110):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates[0] == pytest.approx(0.01)
    assert rates[9] == pytest.approx(0.1) == max(rates)
    assert rates[60] == pytest.approx(0.05)
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)
    decayed = {id(p) for p in optimiser.param_groups[0]["params"]}
    for name, parameter in network.named_parameters():
        assert (id(parameter) in decayed) == (parameter.ndim > 1), name
    assert optimiser.param_groups[1]["weight_decay"] == 0


def test_the_average_follows_fast_at_first_and_then_as_asked() -> None:
    update = averager(0.9)["multi_avg_fn"]
    average = [torch.zeros(3), torch.ones(2)]
    update(average, [torch.ones(3), torch.zeros(2)], torch.tensor(1))
    torch.testing.assert_close(average[0], torch.full((3,), 9 / 11))
    average = [torch.zeros(3)]
    update(average, [torch.ones(3)], torch.tensor(10_000))
    torch.testing.assert_close(average[0], torch.full((3,), 0.1))
    count = [torch.tensor(3)]
    update(count, [torch.tensor(8)], torch.tensor(1))
    assert count[0].item() == 8


def _gradient_under_gather(rank: int, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    weight = torch.ones(2, requires_grad=True)
    values = torch.linspace(-1, 1, 16).reshape(8, 2)
    labels = Annotations.empty(8)
    labels.valence_arousal.copy_(values.roll(1, 0))
    labels.valence_arousal_weight.fill_(1)
    own = slice(rank * 4, rank * 4 + 4)
    local = Predictions.of(valence_arousal=values[own] * weight)
    total, _ = Objective({"valence_arousal": 1.0})(gathered(local), gathered(labels[own]))
    total.backward()
    assert weight.grad is not None
    distributed.all_reduce(weight.grad)
    torch.save((total.detach(), weight.grad / 2), f"{folder}/{rank}.pt")  # distributed training averages
    distributed.destroy_process_group()


def test_two_processes_have_the_ccc_and_gradient_of_one(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(_gradient_under_gather, (str(tmp_path),), nprocs=2)
    weight = torch.ones(2, requires_grad=True)
    values = torch.linspace(-1, 1, 16).reshape(8, 2)
    labels = Annotations.empty(8)
    labels.valence_arousal.copy_(values.roll(1, 0))
    labels.valence_arousal_weight.fill_(1)
    total, _ = Objective({"valence_arousal": 1.0})(Predictions.of(valence_arousal=values * weight), labels)
    total.backward()
    for rank in range(2):
        value, gradient = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(value, total.detach())
        torch.testing.assert_close(gradient, weight.grad)


_SCRIPT = """
from pathlib import Path
import sys
from fbn.training import multitask, run
from tests.training.helpers import corpus, recipe
root, devices = Path(sys.argv[1]), int(sys.argv[2])
settings = recipe(epochs=1)
run.begin(settings, root / f"run{devices}", resume=False)
run.fit(settings, corpus(root / "data"), root / f"run{devices}", devices=devices, threads=2, workers=0, progress=False)
"""


def test_two_processes_train_and_validate_on_every_picture(tmp_path: Path) -> None:
    script = tmp_path / "go.py"
    script.write_text(_SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(tmp_path), "2"]
    subprocess.run(command, check=True, env=environment, timeout=300, capture_output=True)
    log = np.genfromtxt(tmp_path / "run2/logs/0/metrics.csv", delimiter=",", names=True)
    score = log["score"][~np.isnan(log["score"])]
    network = load_run(tmp_path / "run2")
    # the logged score is that of the saved weights on the whole part, computed here by one process
    from fbn.data.loading import EvaluationBatches
    from fbn.training.figures import score as mean_score
    from fbn.training.multitask import by_set
    from fbn.training.pools import make_pool

    pool, samples = make_pool(corpus(tmp_path / "data"), "valid", recipe(epochs=1))
    batches = [EvaluationBatches(pool, network.spec.prepare)[0][0]]
    with torch.no_grad():
        said = Predictions.concatenate([network(batch.images) for batch in batches])
    values = by_set(said, pool.annotations, samples, 3)
    assert mean_score(values) == pytest.approx(score[-1], abs=1e-6)

"""A training run: from a recipe and a data folder to checkpoints and logs in a run folder.

``runs/NAME/`` holds ``recipe.yaml``, ``origin.json`` (code revision and start date),
``checkpoints/{best,last}.ckpt`` and ``logs/N/`` (``metrics.csv`` and TensorBoard's file; N counts the starts).
"""

import logging
import os
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
import torch
import yaml
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar, WeightAveraging
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from rich.console import Console
from torch import Tensor
from torch.utils.data import DataLoader

from fbn.context import Context, alone_in, write_json
from fbn.data.alike import without_twins
from fbn.data.corpus import MEASURED, Corpus, load_corpus, present
from fbn.data.crops import SIZE
from fbn.data.loading import (
    EpochSampler,
    EvaluationBatches,
    Pool,
    Stream,
    TrainingBatches,
    fixed_streams,
    paper_streams,
    steps_to_see_all,
)
from fbn.errors import FormatError
from fbn.models.network import FaceNetwork
from fbn.models.spec import InputSpec
from fbn.records import Sample
from fbn.resources import whole_file
from fbn.training.figures import SCORED
from fbn.training.multitask import MultiTask, averager
from fbn.training.pools import make_pool
from fbn.training.precision import resolve_precision
from fbn.training.provenance import revision
from fbn.training.recipe import Recipe, parse

RECIPE, ORIGIN = "recipe.yaml", "origin.json"
BEST, LAST = "checkpoints/best.ckpt", "checkpoints/last.ckpt"
#: Whether workers are forked, which shares the pictures; a spawned process would get a copy of them.
_FORKS = sys.platform == "linux"


def train(
    recipe: Recipe,
    data_root: Path,
    out: Path,
    *,
    resume: bool = False,
    devices: int = 1,
    threads: int | None = None,
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Train; ``out`` gets the best checkpoint by validation score and the last one.

    The splits do not depend on the recipe's seed: every seed is validated on the same pictures.

    Args:
        recipe: the training recipe.
        data_root: folder of the data sets.
        out: the run folder.
        resume: resume from the last epoch in ``out``; the result is that of an uninterrupted run.
        devices: number of GPUs, or of processes on a CPU.
        threads: number of threads of torch on a CPU, over all processes; by default the number of cores.
        workers: processes that make batches; 0: the training process makes them, as always outside Linux.
        progress: show a progress bar.

    Returns:
        ``out``.

    Raises:
        FbnError: the data or the recipe cannot be used, or ``out`` holds another run.
    """
    # with several devices, each further process runs the same command
    with nullcontext() if _is_child() else alone_in(out):
        recipe = begin(recipe, out, resume)
        corpus = load_corpus(data_root, recipe.sets, clean=recipe.clean)
        if recipe.apart:
            corpus = without_twins(corpus, load_corpus(data_root, present(data_root, MEASURED)))
        return fit(recipe, corpus, out, devices=devices, threads=threads, workers=workers, progress=progress)


def begin(recipe: Recipe, out: Path, resume: bool) -> Recipe:
    """Create the run folder, or check that an existing one is of this recipe.

    Returns:
        The recipe with its precision resolved: for this machine, or that of the run to resume.

    Raises:
        FormatError: ``out`` holds a run and ``resume`` is False, or a run of another recipe.
    """
    path = out / RECIPE
    is_child = _is_child()
    if recipe.precision == "auto" and path.exists() and (resume or is_child):
        # another machine would choose another
        recipe = recipe.model_copy(update={"precision": read_run_recipe(out).precision})
    recipe = recipe.model_copy(update={"precision": resolve_precision(recipe.precision)})
    values = recipe.model_dump(mode="json")
    if path.exists() and not is_child:
        if (out / LAST).exists() and not resume:
            raise FormatError(f"{out} holds a run already: go on with --resume, or give another --out")
        before = read_run_recipe(out).model_dump(mode="json")
        if resume and before != values:
            changed = ", ".join(sorted(key for key in values if values[key] != before[key]))
            raise FormatError(f"{path}: the run was begun with another recipe (it differs in {changed})")
    with whole_file(path) as unfinished:
        unfinished.write_text(yaml.safe_dump(values, sort_keys=False))
    if not (out / ORIGIN).exists():
        write_json(out / ORIGIN, {"git_sha": revision(), "date": datetime.now(UTC).date().isoformat()})
    return recipe


def _is_child() -> bool:
    return int(os.environ.get("LOCAL_RANK", 0)) > 0


def read_run_recipe(out: Path) -> Recipe:
    """Read the recipe of a run folder.

    Raises:
        FormatError: it does not exist or cannot be read.
    """
    path = out / RECIPE
    if not path.is_file():
        raise FormatError(f"{out}: expected a run folder with {RECIPE}")
    return parse(yaml.safe_load(path.read_text()), str(path))


def fit(recipe: Recipe, corpus: Corpus, out: Path, **options: Any) -> Path:
    """Train on a corpus; resumes if ``out`` holds a checkpoint. The options are those of ``train``."""
    pool, _ = make_pool(corpus, "train", recipe)
    learn(recipe, pool, _streams(recipe, pool), make_pool(corpus, "valid", recipe), out, **options)
    return out


def learn(
    recipe: Recipe,
    pool: Pool,
    streams: Sequence[Stream],
    held_out: tuple[Pool, Sequence[Sample]],
    out: Path,
    *,
    devices: int = 1,
    threads: int | None = None,
    workers: int = 1,
    progress: bool = True,
    report: bool = True,
    callbacks: Sequence[Callback] = (),
) -> FaceNetwork:
    """Train on a pool of pictures; otherwise as ``fit``.

    Args:
        recipe: the training recipe; its data set fields are ignored.
        pool: training pictures.
        streams: composition of each batch.
        held_out: validation pictures, and their samples in the pool's order.
        out: the run folder; the other arguments are those of ``train``.
        report: print a line after each epoch.
        callbacks: further Lightning callbacks.

    Returns:
        The network with its averaged weights after the last step.
    """
    quiet()
    on_cpu = not torch.cuda.is_available()
    if on_cpu:
        torch.set_num_threads(max(1, (threads or os.cpu_count() or 1) // devices))
    shard = (int(os.environ.get("LOCAL_RANK", 0)), devices)
    L.seed_everything(recipe.seed, verbose=False)
    network = recipe.build_network()
    prepare, side = partial(_prepare, network.spec), network.spec.size
    per_epoch = recipe.steps_per_epoch if recipe.mode == "fixed" else steps_to_see_all(streams)
    total = recipe.epochs * per_epoch
    sides = [(0, side), *((i * total // len(recipe.sides), later) for i, later in enumerate(recipe.sides))]
    steps = TrainingBatches(
        pool, streams, recipe.augmentation, recipe.seed, prepare, SIZE, sides, shard, recipe.augmentations
    )
    workers = workers if _FORKS else 0
    batches = DataLoader(
        steps,
        batch_size=None,
        sampler=EpochSampler(per_epoch, lambda: trainer.global_step),
        num_workers=workers,
        # PyTorch's default depends on how this process was started
        multiprocessing_context="fork" if workers else None,
        prefetch_factor=4 if workers else None,
        persistent_workers=workers > 0,
        worker_init_fn=_start_worker,
    )
    validation = DataLoader(EvaluationBatches(held_out[0], prepare, side, shard=shard), batch_size=None)
    module = MultiTask(network, recipe.build_objective(), recipe, total, held_out[1])
    pictures = sum(stream.count for stream in streams) * per_epoch
    start = str(len(list(out.glob("logs/*/metrics.csv"))))  # the CSV logger overwrites: one folder per start
    trainer = L.Trainer(
        accelerator="cpu" if on_cpu else "gpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        precision=resolve_precision(recipe.precision),
        max_epochs=recipe.epochs,
        gradient_clip_val=recipe.clip,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        log_every_n_steps=50,
        enable_model_summary=False,
        enable_progress_bar=progress,
        default_root_dir=out,
        logger=[CSVLogger(out, name="logs", version=start), TensorBoardLogger(out, name="logs", version=start)],
        callbacks=[*_callbacks(recipe, out, progress), *([EpochReport(pictures)] if report else []), *callbacks],
    )
    last = out / LAST
    trainer.fit(module, batches, validation, ckpt_path=last if last.exists() else None, weights_only=True)
    return module.network.eval()


def _prepare(spec: InputSpec, pictures: np.ndarray) -> Tensor:
    """Prepare pictures at their present resolution, see ``Recipe.sides``."""
    return replace(spec, size=pictures.shape[1]).prepare(pictures)


def _streams(recipe: Recipe, pool: Pool) -> list[Stream]:
    if recipe.mode == "paper":
        return paper_streams(pool, recipe.paper_batch)
    return fixed_streams(pool, {name: recipe.per_step[name] for name in recipe.sets}, recipe.balance)


def _callbacks(recipe: Recipe, out: Path, progress: bool) -> list[Callback]:
    def checkpoint(file: str, **options: object) -> ModelCheckpoint:
        path = out / file
        return ModelCheckpoint(path.parent, path.stem, enable_version_counter=False, **options)  # type: ignore[arg-type]

    callbacks: list[Callback] = [
        WeightAveraging(**averager(recipe.averaging)),
        checkpoint(BEST, monitor="score", mode="max"),
        checkpoint(LAST, save_on_train_epoch_end=True),
    ]
    if recipe.patience:
        callbacks.append(EarlyStopping("score", patience=recipe.patience, mode="max"))
    if progress:
        callbacks.append(TQDMProgressBar(refresh_rate=10))
    return callbacks


class EpochReport(Callback):
    """Prints a line after each epoch: metrics, speed, remaining time.

    Args:
        pictures: number of pictures in one epoch.
    """

    def __init__(self, pictures: int) -> None:
        self._pictures, self._start = pictures, 0.0
        self._console = Console(highlight=False)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Print the line."""
        if not trainer.is_global_zero:
            return
        seconds = time.monotonic() - self._start
        names = ("score", *(name.replace("/", "_") for name in SCORED))
        values = {name: trainer.callback_metrics[name] for name in names if name in trainer.callback_metrics}
        figures = "  ".join(f"{name} {float(value):.3f}" for name, value in values.items())
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs or 0
        left = (epochs - epoch) * seconds / 60
        speed = self._pictures / seconds
        line = f"epoch {epoch}/{epochs}  {figures}  {speed:.0f} pictures/s, {left:.0f} min to go"
        self._console.print(line, soft_wrap=True)


class Watch(Callback):
    """Reports progress after each step; raises ``Cancelled`` when the user cancels.

    Args:
        context: receives the progress, and is checked for cancellation.
        message: reported with the progress.
        progress: progress of the whole job at the start and at the end of this training, in [0, 1].
        steps: number of steps of the training.
    """

    def __init__(self, context: Context, message: str, progress: tuple[float, float], steps: int) -> None:
        self._context, self._message, self._progress, self._steps = context, message, progress, steps

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any) -> None:
        """Report progress and check for cancellation."""
        self._context.check()
        start, end = self._progress
        self._context.report(start + (end - start) * min(1.0, trainer.global_step / self._steps), self._message)


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)


def quiet() -> None:
    """Silence Lightning's tips, and its warnings about deliberate choices."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
    warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
    warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\).*")

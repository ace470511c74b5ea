"""Runs any study: every arm on every seed, one file per run; an interrupted study resumes.

``runs/SEED-ARM.json`` holds the results of one run, ``runs.csv`` a row per run, ``summary.*`` the differences of arms.
"""

import multiprocessing
import os
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2

from fbn.context import Context, end_with_parent, write_json
from fbn.errors import FbnError
from fbn.studies.folder import SERIES, begin, file_of, finished, precision_of, write_runs
from fbn.studies.study import Request, Study, Trained
from fbn.studies.summary import write_summary
from fbn.training.precision import Precision
from fbn.training.provenance import revision

if TYPE_CHECKING:
    from fbn.studies.schedule import LossCurves

#: Seed, arm's name.
Run = tuple[int, str]
#: Fraction of one seed's progress for loading its data.
_LOADING = 0.15
#: Seconds between two polls of the workers.
_POLL = 1.0


def run(study: Study, request: Any, context: Context, workers: int = 1, threads: int | None = None) -> dict[str, Any]:
    """Train every arm on every seed and summarise the runs. Finished runs in the folder are not repeated.

    The last digits of slow arms' metrics may depend on the number of workers, as sums over several threads are
    not associative.

    Args:
        study: the study.
        request: a request of this study.
        context: folder to write to, progress and cancellation.
        workers: maximum number of processes, each with a separate GPU or cores; 0: the number of GPUs, or else of
            cores. At most one per run. 1: run in this process.
        threads: threads of each run in this process; None: one, or all cores where more than one helps.

    Returns:
        The study's result from its ``conclude``; without one, that of ``fbn.studies.summary.summary``, which is also in
        the folder's ``summary.json``.

    Raises:
        FbnError: the data cannot be used, or the folder holds another study.
        Cancelled: cancelled by the user; finished runs are kept.
    """
    begin(request, context.folder)
    missing = _missing(request, context.folder)
    if workers == 1 or not missing:
        _work(study, request, context, missing, threads=threads)
    else:
        _run_parallel(study, request, context, missing, workers)
    runs = finished(request, context.folder)
    write_runs(context.folder, runs)
    summary = write_summary(study, request, context.folder, runs)
    return study.conclude(request, context.folder, runs, summary) if study.conclude else summary


def _run_parallel(study: Study, request: Request, context: Context, missing: list[Run], workers: int) -> None:
    import torch

    gpus = torch.cuda.device_count()
    # no more workers than runs, so that no core belongs to an idle worker
    workers = min(workers or gpus or os.cpu_count() or 1, len(missing))
    waiting = sorted({seed for seed, _ in missing})
    for number, seed in enumerate(waiting[:1] if study.shares(request) else waiting):
        # fills the cache with all cores, before each worker loads the data
        _load(study, request, seed, context, (_LOADING * number / len(waiting), _LOADING / len(waiting)))
    with ProcessPoolExecutor(workers, get_context("spawn"), end_with_parent) as pool:
        futures = [
            pool.submit(_start, study, request, context.folder, missing[number::workers], workers, _gpu(number, gpus))
            for number in range(workers)
        ]
        try:
            _wait(futures, request, context)
        except BaseException:
            # unfinished runs are not waited for; on SIGTERM, Lightning would only end the current run
            for process in multiprocessing.active_children():
                process.kill()
            raise


def _wait(futures: list[Future[None]], request: Request, context: Context) -> None:
    """Wait for all workers; raises the error of the first that fails, or ``Cancelled``."""
    runs, done = request.runs, -1
    while True:
        ended = [future for future in futures if future.done()]
        for future in ended:
            try:
                future.result()
            except BrokenProcessPool:
                raise FbnError("a worker was killed, perhaps for want of memory; the same command goes on") from None
        existing = sum(file_of(context.folder, *run).exists() for run in runs)
        if existing != done:
            done = existing
            write_runs(context.folder, finished(request, context.folder))
        context.report(_LOADING + (1 - _LOADING) * done / len(runs), f"{done} of {len(runs)} runs")
        if len(ended) == len(futures):
            return
        context.check()
        time.sleep(_POLL)


def _gpu(number: int, gpus: int) -> str | None:
    """Return the GPU of a worker, as for ``CUDA_VISIBLE_DEVICES``: the visible GPUs in turn; None without GPUs."""
    if not gpus:
        return None
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[number % gpus] if named else str(number % gpus)


def _missing(request: Request, folder: Path) -> list[Run]:
    """Return the runs that are not finished."""
    return [run for run in request.runs if not file_of(folder, *run).exists()]


def _threads(request: Request, arm: str, workers: int) -> int:
    """Return the threads of a run: the worker's fraction of the cores, or 1, see ``Budget.all_cores``."""
    many = request.limits.all_cores or request.ARMS[arm].slow
    return max(1, (os.cpu_count() or 1) // workers) if many else 1


def _start(study: Study, request: Request, folder: Path, missing: list[Run], workers: int, gpu: str | None) -> None:
    """Start a worker's runs in its process."""
    if gpu is not None:
        # before CUDA is initialised
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    cv2.setNumThreads(1)
    _work(study, request, Context(folder), missing, workers)


def _work(
    study: Study,
    request: Request,
    context: Context,
    missing: list[Run],
    workers: int = 1,
    threads: int | None = None,
) -> None:
    """Do the missing runs of one of ``workers`` workers."""
    total = len(request.runs)
    loaded: tuple[int, Any] | None = None
    for number, (seed, arm) in enumerate(missing):
        start, length = number / len(missing), 1 / len(missing)
        if loaded is None or (loaded[0] != seed and not study.shares(request)):
            loaded = seed, _load(study, request, seed, context, (start, length * _LOADING))
        progress = (start + length * _LOADING, start + length)
        message = f"run {total - len(missing) + number + 1} of {total}: {arm}, seed {seed}"
        cores = threads or _threads(request, arm, workers)
        result = _run_once(study, request, (seed, arm), loaded[1], (context, message, progress), cores)
        write_json(file_of(context.folder, seed, arm), result)
        if workers == 1:
            write_runs(context.folder, finished(request, context.folder))


def _load(study: Study, request: Request, seed: int, context: Context, stage: tuple[float, float]) -> Any:
    """Load a seed's data; ``stage``: start and length of its progress within the whole."""

    def report(progress: float, message: str) -> None:
        context.check()
        context.report(stage[0] + progress * stage[1], f"seed {seed}: {message}")

    return study.load(request, seed, report)


def train(
    study: Study,
    request: Request,
    run: Run,
    data: Any,
    watched: tuple[Context, str, tuple[float, float]],
    threads: int = 1,
    precision: Precision | Literal["auto"] = "auto",
) -> "tuple[Trained, LossCurves]":
    """Train the network of one run, as ``run`` does, and return it with the curves of its losses.

    Args:
        study: the study.
        request: a request of this study.
        run: seed, and name of the arm.
        data: returned by the study's ``load`` for this request and seed.
        watched: context for progress and cancellation, message, and start and end of this training's progress.
        threads: cores to use.
        precision: numeric precision of the training.

    Raises:
        Cancelled: cancelled by the user.
    """
    # Lightning takes seconds to import, and pages import this module
    from fbn.studies.schedule import LossCurves
    from fbn.training.trial import train_once

    seed, arm, folder = run[0], study.arms[run[1]], watched[0].folder
    steps = request.limits.steps_of(arm)
    training = study.training(request, arm, seed, data)
    recipe = training.recipe
    changes: dict[str, Any] = {"seed": seed, "epochs": 1, "steps_per_epoch": steps, "patience": 0}
    changes |= {"warmup": min(recipe.warmup, max(1, steps // 4)), "precision": precision}
    training = replace(training, recipe=recipe.model_copy(update=changes))
    curves = LossCurves(training.late, training.after, steps)
    work = folder / f".training-{seed}-{arm.name}"
    network = train_once(
        training.recipe, training.pool, training.streams, work, watched, threads=threads, callbacks=[curves]
    )
    return Trained(request, arm, seed, data, training, network), curves


def _run_once(
    study: Study, request: Request, run: Run, data: Any, watched: tuple[Context, str, tuple[float, float]], threads: int
) -> dict[str, Any]:
    """Train and evaluate once; return the contents of a file in ``runs``."""
    import torch

    begun = time.monotonic()
    trained, curves = train(study, request, run, data, watched, threads, precision_of(watched[0].folder))
    seconds = time.monotonic() - begun
    measured = study.measure(trained)
    return {
        "row": trained.arm.name,
        "seed": trained.seed,
        "series": SERIES,
        "figures": measured.figures,
        "chance": measured.chance,
        "details": measured.details,
        "curves": curves.curves,
        **measured.more,
        "steps": request.limits.steps_of(trained.arm),
        "pictures": sum(stream.count for stream in trained.training.streams),
        "parameters": sum(weight.numel() for weight in trained.network.parameters()),
        "seconds": round(seconds, 1),
        "precision": trained.training.recipe.precision,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "git_sha": revision(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "draws": measured.draws,
    }

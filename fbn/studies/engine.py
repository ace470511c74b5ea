"""Runs any study: every arm on every seed, one file per run; an interrupted study resumes.

``runs/SEED-ARM.json`` holds all of one run; ``runs.csv`` has a line for each; ``summary.*`` say how the arms differ.
"""

import multiprocessing
import os
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2

from fbn.context import Context, end_with_parent, write_json
from fbn.errors import FbnError
from fbn.studies.folder import SERIES, begin, file_of, finished, precision_of, write_runs
from fbn.studies.study import Request, Study, Trained
from fbn.studies.summary import write_summary
from fbn.training.provenance import revision

#: Seed, arm's name.
Run = tuple[int, str]
#: Share of one seed's work that loading its data is.
_LOADING = 0.15
#: Seconds between two looks at the workers.
_LOOK = 1.0


def run(study: Study, request: Any, context: Context, workers: int = 1, threads: int | None = None) -> dict[str, Any]:
    """Train every arm on every seed and summarise. Resumes after the runs that the folder holds.

    Figures of slow arms may differ in the last places between numbers of workers, as other numbers of threads add up
    in another order.

    Args:
        study: which study.
        request: of its type.
        context: where to write; is told of progress, of several workers of finished runs.
        workers: processes at most, each with a GPU or cores of its own; 0: as many as there are GPUs, or else cores.
            No more than there are runs to do. 1 runs in this process.
        threads: cores of each run in this process; None: one, or all of them where more than one helps.

    Returns:
        The study's result, as its ``conclude`` gives it; else as ``fbn.studies.summary.summary``, which is also in the
        folder's ``summary.json``.

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
    # none idle: those that work have their cores
    workers = min(workers or gpus or os.cpu_count() or 1, len(missing))
    waiting = sorted({seed for seed, _ in missing})
    for number, seed in enumerate(waiting[:1] if study.shares(request) else waiting):
        # by every core and into the cache, before each worker would
        _load(study, request, seed, context, (_LOADING * number / len(waiting), _LOADING / len(waiting)))
    with ProcessPoolExecutor(workers, get_context("spawn"), end_with_parent) as pool:
        parts = [
            pool.submit(_part, study, request, context.folder, missing[number::workers], workers, _gpu(number, gpus))
            for number in range(workers)
        ]
        try:
            _wait(parts, request, context)
        except BaseException:
            # what others are in the middle of is not to be waited for; asked to end, Lightning would end its run alone
            for process in multiprocessing.active_children():
                process.kill()
            raise


def _wait(parts: list[Future[None]], request: Request, context: Context) -> None:
    """Until all parts are done; raises what went wrong with the first that fails, or that the user cancelled."""
    runs, done = request.runs, -1
    while True:
        ended = [part for part in parts if part.done()]
        for part in ended:
            try:
                part.result()
            except BrokenProcessPool:
                raise FbnError("a worker was killed, perhaps for want of memory; the same command goes on") from None
        there = sum(file_of(context.folder, *run).exists() for run in runs)
        if there != done:
            done = there
            write_runs(context.folder, finished(request, context.folder))
        context.report(_LOADING + (1 - _LOADING) * done / len(runs), f"{done} of {len(runs)} runs")
        if len(ended) == len(parts):
            return
        context.check()
        time.sleep(_LOOK)


def _gpu(number: int, gpus: int) -> str | None:
    """Which GPU a worker is to see: in turn one of those that are visible here, by their own names."""
    if not gpus:
        return None
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[number % gpus] if named else str(number % gpus)


def _missing(request: Request, folder: Path) -> list[Run]:
    """What is still to be trained."""
    return [run for run in request.runs if not file_of(folder, *run).exists()]


def _threads(request: Request, arm: str, workers: int) -> int:
    """Cores of one run: its worker's share where more than one helps, see ``Budget.all_cores``."""
    many = request.limits.all_cores or request.ARMS[arm].slow
    return max(1, (os.cpu_count() or 1) // workers) if many else 1


def _part(study: Study, request: Request, folder: Path, missing: list[Run], workers: int, gpu: str | None) -> None:
    if gpu is not None:
        # before anything asks which there are
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
    """Do some runs, as one of so many workers."""
    every = len(request.runs)
    loaded: tuple[int, Any] | None = None
    for number, (seed, arm) in enumerate(missing):
        start, part = number / len(missing), 1 / len(missing)
        if loaded is None or (loaded[0] != seed and not study.shares(request)):
            loaded = seed, _load(study, request, seed, context, (start, part * _LOADING))
        share = (start + part * _LOADING, start + part)
        words = f"run {every - len(missing) + number + 1} of {every}: {arm}, seed {seed}"
        cores = threads or _threads(request, arm, workers)
        found = _run_once(study, request, (seed, arm), loaded[1], (context, words, share), cores)
        write_json(file_of(context.folder, seed, arm), found)
        if workers == 1:
            write_runs(context.folder, finished(request, context.folder))


def _load(study: Study, request: Request, seed: int, context: Context, place: tuple[float, float]) -> Any:
    def report(share: float, words: str) -> None:
        context.check()
        context.report(place[0] + share * place[1], f"seed {seed}: {words}")

    return study.load(request, seed, report)


def _run_once(
    study: Study, request: Request, run: Run, data: Any, watched: tuple[Context, str, tuple[float, float]], threads: int
) -> dict[str, Any]:
    """One training and its figures: what a file of ``runs`` holds."""
    # Lightning takes seconds to import, and pages import this module
    import torch

    from fbn.studies.schedule import LossCurves
    from fbn.training.trial import train_once

    seed, arm, folder = run[0], study.arms[run[1]], watched[0].folder
    steps = request.limits.steps_of(arm)
    training = study.training(request, arm, seed, data)
    recipe = training.recipe
    changes: dict[str, Any] = {"seed": seed, "epochs": 1, "steps_per_epoch": steps, "patience": 0}
    changes |= {"warmup": min(recipe.warmup, max(1, steps // 4)), "precision": precision_of(folder)}
    recipe = recipe.model_copy(update=changes)
    curves = LossCurves(training.late, training.after, steps)
    begun = time.monotonic()
    work = folder / f".training-{seed}-{arm.name}"
    network = train_once(recipe, training.pool, training.streams, work, watched, threads=threads, callbacks=[curves])
    seconds = time.monotonic() - begun
    measured = study.measure(Trained(request, arm, seed, data, training, network))
    return {
        "row": arm.name,
        "seed": seed,
        "series": SERIES,
        "figures": measured.figures,
        "chance": measured.chance,
        "details": measured.details,
        "curves": curves.curves,
        **measured.more,
        "steps": steps,
        "pictures": sum(stream.count for stream in training.streams),
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "seconds": round(seconds, 1),
        "precision": recipe.precision,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "git_sha": revision(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "draws": measured.draws,
    }

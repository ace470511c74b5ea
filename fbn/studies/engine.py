"""The study itself: every row on every seed, a file a run, gone on with where it was left.

``runs/SEED-ROW.json`` holds all of one training; ``runs.csv`` has a line for each; ``summary.*`` say how they differ.
"""

import json
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
from fbn.studies import drawn, real
from fbn.studies.folder import SERIES, begin, file_of, finished, precision_of, write_runs
from fbn.studies.material import TABLES, Material
from fbn.studies.measure import chance, measure
from fbn.studies.request import Study
from fbn.studies.rows import ROWS
from fbn.studies.summary import write_summary
from fbn.training.provenance import revision

#: Seed, row.
Run = tuple[int, str]
#: Of one seed's share of the work, that of drawing.
_DRAWING = 0.15
#: Seconds between two looks at the workers.
_LOOK = 1.0


def study(parameters: Study, context: Context) -> dict[str, Any]:
    """Train every row on every seed and say how they differ. Goes on after the runs that the folder holds.

    Returns:
        As ``fbn.studies.summary.summary``, which is also in the folder's ``summary.json``.

    Raises:
        FbnError: the data cannot be used, or the folder holds another study.
        Cancelled: somebody asked.
    """
    begin(parameters, context.folder)
    _work(parameters, context, _missing(parameters, context.folder))
    return write_summary(parameters, context.folder)


def _threads(parameters: Study, row: str, workers: int) -> int:
    """Cores of one run: its worker's share of all for what is slow.

    Small networks gain little by a second thread, and lose tenfold by one that has to wait for its turn.
    """
    slow = parameters.budget == "full" or ROWS[row].few
    return max(1, (os.cpu_count() or 1) // workers) if slow else 1


def study_apart(parameters: Study, context: Context, workers: int) -> dict[str, Any]:
    """The same by several processes, each with a GPU or cores of its own: one, or for what is slow its share of them.

    Figures of slow rows may differ in the last places from those of other numbers of processes, as other numbers of
    threads add up in another order.

    Args:
        parameters: as ``study``.
        context: as ``study``; it is told of finished runs.
        workers: how many at most; 0: as many as there are GPUs, or else cores. No more than there are runs to do.
    """
    import torch

    begin(parameters, context.folder)
    gpus = torch.cuda.device_count()
    missing = _missing(parameters, context.folder)
    if not missing:
        return study(parameters, context)
    # none idle: those that work have their cores
    workers = min(workers or gpus or os.cpu_count() or 1, len(missing))
    waiting = sorted({seed for seed, _ in missing})
    for number, seed in enumerate(waiting if parameters.data is None else waiting[:1]):
        # by every core and into the cache, before each worker would
        _material(parameters, seed, context, (_DRAWING * number / len(waiting), _DRAWING / len(waiting)))
    with ProcessPoolExecutor(workers, get_context("spawn"), end_with_parent) as pool:
        parts = [
            pool.submit(_part, parameters, context.folder, missing[number::workers], workers, _gpu(number, gpus))
            for number in range(workers)
        ]
        try:
            _wait(parts, parameters, context)
        except BaseException:
            # what others are in the middle of is not to be waited for; asked to end, Lightning would end its run alone
            for process in multiprocessing.active_children():
                process.kill()
            raise
    write_runs(context.folder, finished(parameters, context.folder))
    return write_summary(parameters, context.folder)


def _wait(parts: list[Future[None]], parameters: Study, context: Context) -> None:
    """Until all parts are done; raises what went wrong with the first that fails, or that somebody asked to stop."""
    runs, done = parameters.runs, -1
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
            write_runs(context.folder, finished(parameters, context.folder))
        context.report(_DRAWING + (1 - _DRAWING) * done / len(runs), f"{done} of {len(runs)} runs")
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


def _missing(parameters: Study, folder: Path) -> list[Run]:
    """What is still to be trained."""
    return [run for run in parameters.runs if not file_of(folder, *run).exists()]


def _part(parameters: Study, folder: Path, missing: list[Run], workers: int, gpu: str | None) -> None:
    if gpu is not None:
        # before anything asks which there are
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    cv2.setNumThreads(1)
    _work(parameters, Context(folder), missing, workers)


def _work(parameters: Study, context: Context, missing: list[Run], workers: int = 1) -> None:
    """Do some runs, as one of so many workers."""
    every = len(parameters.runs)
    material: tuple[int, Material] | None = None
    for number, (seed, row) in enumerate(missing):
        start, part = number / len(missing), 1 / len(missing)
        if material is None or (material[0] != seed and parameters.data is None):
            material = seed, _material(parameters, seed, context, (start, part * _DRAWING))
        share = (start + part * _DRAWING, start + part)
        words = f"run {every - len(missing) + number + 1} of {every}: {row}, seed {seed}"
        found = _one(parameters, row, seed, material[1], (context, words, share), _threads(parameters, row, workers))
        write_json(file_of(context.folder, seed, row), found)
        if workers == 1:
            write_runs(context.folder, finished(parameters, context.folder))


def _material(parameters: Study, seed: int, context: Context, place: tuple[float, float]) -> Material:
    def report(share: float, words: str) -> None:
        context.check()
        context.report(place[0] + share * place[1], f"seed {seed}: {words}")

    if parameters.data is None:
        return drawn.draw(parameters.amounts, seed, report)
    report(0, "reading the data")
    return real.read(parameters.data, parameters.recipe, parameters.amounts, parameters.part)


def _one(
    parameters: Study,
    name: str,
    seed: int,
    on: Material,
    watched: tuple[Context, str, tuple[float, float]],
    threads: int,
) -> dict[str, Any]:
    """One training and what it reached: what a file of ``runs`` holds."""
    # Lightning takes seconds to import, and pages import this module
    import torch

    from fbn.studies.schedule import Course
    from fbn.training.trial import read, trial

    row, amounts, folder = ROWS[name], parameters.amounts, watched[0].folder
    steps = amounts.steps_of(name)
    table, file = TABLES[row.table](on), folder / f".table-{seed}-{name}.json"
    table.write(file)
    narrow = parameters.budget != "full"
    recipe = row.recipe(parameters.recipe, narrow)
    changes = {"table": str(file), "seed": seed, "epochs": 1, "steps_per_epoch": steps}
    changes |= {"warmup": min(recipe.warmup, max(1, steps // 4)), "precision": precision_of(folder)}
    recipe = recipe.model_copy(update=changes)
    course = Course(tuple(row.adds), row.after, steps)
    streams = on.of_tasks(row.tasks, row.share if narrow else 1.0)
    begun = time.monotonic()
    try:
        work = folder / f".training-{seed}-{name}"
        network = trial(recipe, on.pool, streams, work, watched, threads=threads, callbacks=[course])
    finally:
        file.unlink(missing_ok=True)
    seconds = time.monotonic() - begun
    side = recipe.sides[-1] if recipe.sides else network.spec.size
    said = {own.name: read(network, own.pool.crops[0], side) for own in on.held}
    found = measure(said, on.held, amounts.rounds, seed)
    return {
        "row": name,
        "seed": seed,
        "series": SERIES,
        "figures": found.figures,
        "chance": chance(on.held),
        "details": found.details,
        "curves": course.curves,
        "labelled": on.labelled,
        "trained_on": [own.name for own in on.held if own.seen],
        "table": json.loads(table.to_json()) if row.coupled else None,
        "steps": steps,
        "pictures": sum(stream.count for stream in streams),
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "seconds": round(seconds, 1),
        "precision": recipe.precision,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "git_sha": revision(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "draws": found.draws,
    }

"""The study ``tables``: the effect of the relatedness table on a network; ``fbn relate compare``.

Compares two tables with the same recipe, pictures and seeds. A table only has an effect where labels are missing, so
most drawn pictures are labelled with an expression only, some with valence and arousal only, and few with AUs only. On
pictures without AU labels, the network learns AUs from the coupling terms, which use the table: co-annotation gives AU
labels to pictures of an expression, distribution matching compares every picture's AUs with the mixture of its
expressions' rows. The faces are drawn with a third table, the true one.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fbn import metrics
from fbn.context import Context, write_json
from fbn.data.corpus import load_corpus
from fbn.data.loading import Pool, Stream, fixed_streams
from fbn.data.sources import find
from fbn.errors import MissingFileError
from fbn.records import Annotations, Predictions
from fbn.studies import engine
from fbn.studies.affect_display import FIGURES_DISPLAY
from fbn.studies.display import First
from fbn.studies.folder import write_csv
from fbn.studies.material import HeldOutSet, only
from fbn.studies.measure import measure
from fbn.studies.paired import paired_difference, paired_differences
from fbn.studies.study import Arm, Measured, Report, Study, Trained, Training
from fbn.studies.tables_request import LabelledShares, TablesBudget, TablesRequest
from fbn.synthetic.cached import cached_pool
from fbn.synthetic.domains import Domain
from fbn.synthetic.people import Population
from fbn.synthetic.world import World
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL
from fbn.training.figures import scored_rows
from fbn.training.pools import make_pool
from fbn.training.recipe import Recipe
from fbn.vocabulary import AU_INDEX, DECISION, EXPRESSION_INDEX

RESULT = "result.json"
#: Simple pictures of many people, which differ mainly in their AUs.
DOMAIN = Domain(name="workshop", population=Population(people=1000))
#: Pictures with an expression, with AUs, and with valence and arousal in each batch of drawn faces.
PER_STEP = (64, 16, 16)
#: Name of the held-out data set, and its metrics.
HELD_OUT, _FIGURES = "held-out", ("accuracy", "mean_diagonal", "ccc_valence", "ccc_arousal", "f1", "auc")
#: Faces drawn between two checks for cancellation.
_PART = 1000
#: Offset of the world seeds of held-out faces.
_HELD_OUT_SEED = 500_000


@dataclass(frozen=True)
class TablesData:
    """Training and held-out data of one seed, the same for both tables."""

    pool: Pool
    streams: list[Stream]
    held_out: HeldOutSet


def load(request: TablesRequest, seed: int, report: Report) -> TablesData:
    """Load one seed's drawn faces, or the data sets, which are the same for every seed."""
    if request.data is None:
        return _draw_data(request, seed, report)
    report(0, "reading the data")
    recipe = _of_sets(request.recipe, request.data)
    corpus = load_corpus(request.data, recipe.sets, clean=recipe.clean)
    pool, _ = make_pool(corpus, "train", recipe)
    others, samples = make_pool(corpus, request.part, recipe)
    rows = scored_rows(samples)
    crops = np.concatenate([np.asarray(part) for part in others.crops])[rows]
    people = [samples[row].subject or samples[row].path for row in rows]
    held_out = _held_out(crops, others.annotations[torch.from_numpy(rows)], people)
    return TablesData(pool, fixed_streams(pool, recipe.per_step, recipe.balance), held_out)


def training(request: TablesRequest, arm: Arm, seed: int, data: TablesData) -> Training:
    """Return the recipe with the arm's table, and the training data."""
    recipe = request.recipe.model_copy(update={"table": getattr(request, arm.name)})
    return Training(recipe, data.pool, data.streams)


def measured(trained: Trained) -> Measured:
    """Return a trained network's metrics, and the rates at which the AUs of the changed cells are predicted."""
    held_out, request = trained.data.held_out, trained.request
    predictions, labels = trained.predict(held_out.pool.crops[0]), held_out.pool.annotations
    more = cells(predictions, labels, request.changed)
    return measure({HELD_OUT: predictions}, (held_out,), request.limits.rounds, trained.seed, more)


def cells(predictions: Predictions, labels: Annotations, changed: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Compute the activation rates of the changed cells, and chance.

    Returns:
        cells: changed cell -> fraction of the expression's pictures in which the AU is predicted to be active; true:
        fraction in which it is active; chance_units: AU -> F1 of always predicting it.
    """
    p, y, w = predictions.action_units.numpy(), labels.action_units.numpy(), labels.action_units_weight.numpy()
    always = metrics.au_f1(np.ones_like(p), y, w)
    predicted, true = {}, {}
    for category, number in changed:
        column, expression = AU_INDEX[number], EXPRESSION_INDEX[category]
        rows = (labels.expression.argmax(-1).numpy() == expression) & (labels.expression_weight.numpy() > 0)
        rows &= w[:, column] > 0
        if rows.any():
            predicted[f"{category} AU{number}"] = float((p[rows, column] >= DECISION).mean())
            true[f"{category} AU{number}"] = float((y[rows, column] >= DECISION).mean())
    chance = {f"AU{number}": float(always[i]) for number, i in AU_INDEX.items() if np.isfinite(always[i])}
    return {"cells": predicted, "true": true, "chance_units": chance}


def conclude(
    request: TablesRequest, folder: Path, runs: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]
) -> dict[str, Any]:
    """Write ``result.json``, and its metrics as ``differences.csv``; with only one table, return the summary."""
    if len(request.chosen) < len(request.ARMS):
        return dict(summary)
    found = result(request, runs)
    write_json(folder / RESULT, found)
    write_csv(folder / "differences.csv", rows(found), digits=4)
    return found


def result(request: TablesRequest, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Compare the runs' metrics, paired by seed.

    Returns:
        comparison (the request), data (the data root's name; None for drawn faces), changed (cells: category,
        action_unit, before, after), tasks and units (metric or AU's F1 -> ``Paired``), changed_units (``Paired`` of the
        mean F1 over the changed AUs), cells (changed cell -> ``Paired`` of the fraction of the expression's pictures
        in which the AU is predicted, and ``true``, the fraction in which it is active), chance (metric or AU -> mean),
        date.
    """
    base, edited = ([_figures(run) for run in runs if run["row"] == arm] for arm in ("base", "edited"))
    touched = dict.fromkeys(f"AU{number}" for _, number in request.changed)

    def mean_of_touched(run: Mapping[str, Any]) -> float | None:
        values = [run["units"][name] for name in touched if name in run["units"]]
        return float(np.mean(values)) if values else None

    on_changed = paired_difference(list(map(mean_of_touched, base)), list(map(mean_of_touched, edited)))
    true = _means([run["true"] for run in base])
    both = {part: paired_differences([r[part] for r in base], [r[part] for r in edited]) for part in base[0]}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "comparison": request.model_dump(mode="json", exclude={"data"}),
        "data": request.data and request.data.name,
        "changed": [asdict(change) for change in request.base.diff(request.edited)],
        "changed_units": None if on_changed is None else asdict(on_changed),
        "tasks": both["tasks"],
        "units": both["units"],
        "cells": {name: each | {"true": true[name]} for name, each in both["cells"].items()},
        "chance": _means([run["chance"] for run in base]),
    }


def _figures(run: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return a run's metrics, AUs, cells and chance without the data set's name in the keys."""
    tasks, chance = (
        {key.removeprefix(f"{HELD_OUT}/"): value for key, value in run[part].items()} for part in ("figures", "chance")
    )
    units = run["details"].get(f"{HELD_OUT}/f1", {})
    values = {"tasks": tasks, "units": units, "cells": run["cells"], "true": run["true"]}
    return values | {"chance": chance | {name: run["chance_units"][name] for name in units}}


def rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics of ``result`` as rows: the mean over the changed AUs, then the AUs, then the tasks.

    Columns: figure, changed (whether a cell of that AU differs), base, edited, difference, sd, low, high, chance.
    """
    touched = {f"AU{change['action_unit']}" for change in result["changed"]}
    found = {"F1 of changed AUs": result["changed_units"]} if result["changed_units"] else {}
    found |= result["units"] | result["tasks"]
    columns = ("base", "edited", "difference", "sd", "low", "high")
    return [
        {"figure": name, "changed": name in touched or name not in result["chance"]}
        | {column: each[column] for column in columns}
        | {"chance": result["chance"].get(name)}
        for name, each in found.items()
    ]


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return name -> mean over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def _of_sets(recipe: Recipe, data: Path) -> Recipe:
    """Return the recipe with only those of its data sets that exist."""
    existing = {}
    for name in recipe.sets:
        with suppress(MissingFileError):
            find(data, name)
            existing[name] = recipe.per_step[name]
    if not existing:
        raise MissingFileError(f"{data}: expected at least one of the recipe's sets, {', '.join(recipe.sets)}")
    return recipe.model_copy(update={"per_step": existing})


def _draw_data(request: TablesRequest, seed: int, report: Report) -> TablesData:
    limits = request.limits
    drawn: list[Pool] = []
    people: list[str] = []
    # a process takes seconds to start
    processes = (os.cpu_count() or 1) if limits.pictures >= _PART else 1
    for number, count in _parts(seed, limits):
        report(sum(map(len, drawn)) / (limits.pictures + limits.held_out), "drawing faces")
        world = World(request.truth or request.edited, number, DOMAIN)
        drawn.append(cached_pool(world, count, processes=processes, progress=False))
        people += [f"{number}/{world.who(i)}" for i in range(count)]
    first = -(-limits.pictures // _PART)
    pool = _joined(drawn[:first])
    streams = labelled_streams(request.labelled, len(pool))
    pool = replace(pool, annotations=single_task_labels(pool.annotations, streams))
    others = np.concatenate([own.crops[0] for own in drawn[first:]])
    labels = Annotations.concatenate([own.annotations for own in drawn[first:]])
    return TablesData(pool, streams, _held_out(others, labels, people[len(pool) :]))


def _held_out(crops: np.ndarray, labels: Annotations, people: Sequence[str]) -> HeldOutSet:
    _, groups = np.unique(people, return_inverse=True)
    return HeldOutSet(HELD_OUT, Pool.of({HELD_OUT: (crops, labels)}), _FIGURES, groups, True)


def _parts(seed: int, limits: TablesBudget) -> Iterator[tuple[int, int]]:
    """Yield world seeds and counts of a seed's faces: training faces, then held-out faces of other people."""
    for first, count in ((0, limits.pictures), (_HELD_OUT_SEED, limits.held_out)):
        for part, start in enumerate(range(0, count, _PART)):
            yield first + 1000 * seed + part, min(_PART, count - start)


def _joined(pools: Sequence[Pool]) -> Pool:
    return Pool.of({str(i): (pool.crops[0], pool.annotations) for i, pool in enumerate(pools)})


def labelled_streams(labelled: LabelledShares, count: int) -> list[Stream]:
    """Divide ``count`` pictures into those labelled with an expression, with AUs, and with valence and arousal."""
    units = max(1, round(labelled.action_units * count))
    affect = max(1, round(labelled.valence_arousal * count))
    every = np.arange(count)
    parts = every[units + affect :], every[:units], every[units : units + affect]
    return [Stream(part, number) for part, number in zip(parts, PER_STEP, strict=True)]


def single_task_labels(labels: Annotations, streams: Sequence[Stream]) -> Annotations:
    """Return the labels of each stream's task only; streams as from ``labelled_streams``."""
    units, affect = (len(stream.pool) for stream in streams[1:])
    parts = (
        (ACTION_UNITS, labels[:units]),
        (VALENCE_AROUSAL, labels[units : units + affect]),
        (EXPRESSION, labels[units + affect :]),
    )
    return Annotations.concatenate([only(part, task) for task, part in parts])


def _first(_: Mapping[str, Any]) -> First:
    return First(("edited",), ("f1",))


STUDY = Study(
    name="tables",
    title="What does another relatedness table make of a network? Both tables on the same pictures and seeds.",
    request=TablesRequest,
    load=load,
    training=training,
    measure=measured,
    conclude=conclude,
    display=replace(
        FIGURES_DISPLAY,
        title="Two relatedness tables",
        sets={HELD_OUT: "Held-out faces"},
        marks_unseen=False,
        arms={"base": "First table", "edited": "Second table"},
        sides={"uncoupled": "the first table"},
        first=_first,
    ),
)


def compare(request: TablesRequest, context: Context) -> dict[str, Any]:
    """Run the comparison in this process; see ``result`` and ``fbn.studies.engine.run``."""
    return engine.run(STUDY, request, context)

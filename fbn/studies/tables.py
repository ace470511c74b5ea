"""What another relatedness table makes of a network: the same recipe, pictures and seeds, twice.

A table can only matter where labels are missing, so that is how the drawn pictures are labelled: most with an
expression alone, some with valence and arousal alone, few with AUs alone. What the network then says of an AU on the
other pictures comes from the coupling terms, and these from the table: co-annotation gives AU labels to pictures of an
expression, distribution matching holds every picture's AUs against the mixture of its expressions' rows. The faces are
made by a third table, the truth, which is what both are measured against.
"""

import json
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
from fbn.errors import FormatError, MissingFileError
from fbn.records import Annotations, Label, Predictions, Sample
from fbn.studies.paired import by_name, paired
from fbn.studies.tables_request import Budget, Comparison, Labelled
from fbn.synthetic.domains import Domain
from fbn.synthetic.kept import kept_pool
from fbn.synthetic.people import Population
from fbn.synthetic.world import World
from fbn.tasks import AFFECT_TASKS
from fbn.training.figures import chance, figures, scorable, scored_rows
from fbn.training.pools import make_pool
from fbn.training.provenance import revision
from fbn.training.recipe import Recipe
from fbn.training.trial import read, trial
from fbn.vocabulary import ACTION_UNITS, AU_INDEX, DECISION, EXPRESSION_INDEX

PLAN, RESULT, RUNS = "comparison.json", "result.json", "runs"
ARMS = ("base", "edited")
#: Whose faces: plain pictures of many people, so that what differs is the AUs.
DOMAIN = Domain(name="workshop", population=Population(people=1000))
#: Pictures with an expression, with AUs, with valence and arousal in every step on drawn faces.
PER_STEP = (64, 16, 16)
#: AUs active in fewer of the held-out pictures are not scored.
POSITIVES = 3
#: Faces drawn between two looks at whether to stop, and a seed's share of the time that drawing takes.
_PART, _DRAWING = 1000, 0.35
_HELD_OUT = 500_000


@dataclass(frozen=True)
class Material:
    """What both tables' networks of one seed are trained and measured on."""

    pool: Pool
    streams: list[Stream]
    held: Pool
    samples: list[Sample]


def compare(parameters: Comparison, context: Context) -> dict[str, Any]:
    """Train with both tables on every seed and say how they differ. Goes on after the runs that the folder holds.

    Returns:
        As ``result``, which is also in the folder's ``result.json``, each run's figures in ``runs``.

    Raises:
        FbnError: the data cannot be used, or the folder holds another comparison.
        Cancelled: somebody asked.
    """
    _begin(parameters, context.folder)
    seeds = parameters.budget.seeds
    material = None
    for seed in range(seeds):
        missing = [arm for arm in ARMS if not _file(context.folder, arm, seed).exists()]
        if missing:
            name = f"seed {seed + 1} of {seeds}"
            at, part = seed / seeds, 1 / seeds
            if parameters.data is None:
                material = _drawn(parameters, seed, context, (name, at, at + part * _DRAWING))
            elif material is None:
                context.report(at, "reading the data")
                material = _read(parameters, parameters.data)
            for arm in missing:
                start = at + part * (_DRAWING + (1 - _DRAWING) * ARMS.index(arm) / 2)
                share = (start, start + part * (1 - _DRAWING) / 2)
                words = f"{name}: training with {parameters.names[ARMS.index(arm)]}"
                found = _run(parameters, arm, seed, material, context, words, share)
                write_json(_file(context.folder, arm, seed), found)
    runs = [json.loads(_file(context.folder, arm, seed).read_bytes()) for seed in range(seeds) for arm in ARMS]
    found = result(parameters, runs)
    write_json(context.folder / RESULT, found)
    return found


def result(parameters: Comparison, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The runs' figures, paired by seed.

    Returns:
        comparison (what was asked), data (the data root's name; None of drawn faces), changed (cells: category,
        action_unit, before, after), tasks and units (figure or AU's F1 -> ``Paired``), changed_units (``Paired`` of the
        mean F1 over the changed AUs), cells (changed cell -> ``Paired`` of the share of the expression's pictures in
        which the AU is said to be active, and ``true``, the share in which it is), chance (figure or AU -> mean), runs,
        date.
    """
    base, edited = ([run for run in runs if run["arm"] == arm] for arm in ARMS)
    touched = dict.fromkeys(f"AU{number}" for _, number in parameters.changed)

    def mean_of_touched(run: Mapping[str, Any]) -> float | None:
        seen = [run["units"][name] for name in touched if run["units"].get(name) is not None]
        return float(np.mean(seen)) if seen else None

    on_changed = paired([mean_of_touched(run) for run in base], [mean_of_touched(run) for run in edited])
    true = _means([run["true"] for run in base])
    said = by_name([run["cells"] for run in base], [run["cells"] for run in edited])
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "comparison": parameters.model_dump(mode="json", exclude={"data"}),
        "data": parameters.data and parameters.data.name,
        "changed": [asdict(change) for change in parameters.base.diff(parameters.edited)],
        "changed_units": None if on_changed is None else asdict(on_changed),
        "tasks": by_name([run["tasks"] for run in base], [run["tasks"] for run in edited]),
        "units": by_name([run["units"] for run in base], [run["units"] for run in edited]),
        "cells": {name: each | {"true": true[name]} for name, each in said.items()},
        "chance": _means([run["chance"] for run in base]),
        "runs": list(runs),
    }


def rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures of ``result`` as a table: figure, changed (whether an edited cell is of that AU), base, edited,
    difference, sd, low, high, chance; the mean over the changed AUs first, then the AUs, then the tasks."""
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
    """Each name's mean over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def _begin(parameters: Comparison, folder: Path) -> None:
    """Note what is asked; more seeds may be asked of a folder than before, nothing else."""
    asked = parameters.model_dump(mode="json")
    path = folder / PLAN
    if path.exists():
        before = json.loads(path.read_bytes())
        differs = [key for key in asked if _but_seeds(asked)[key] != _but_seeds(before).get(key)]
        if differs:
            raise FormatError(f"{folder} holds another comparison (it differs in {', '.join(differs)})")
    write_json(path, asked)


def _but_seeds(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {**asked, "budget": {**asked["budget"], "seeds": 0}}


def _file(folder: Path, arm: str, seed: int) -> Path:
    return folder / RUNS / f"{seed:02d}-{arm}.json"


def _read(asked: Comparison, data: Path) -> Material:
    recipe = _of_sets(asked.recipe, data)
    corpus = load_corpus(data, recipe.sets, clean=recipe.clean)
    pool, _ = make_pool(corpus, "train", recipe)
    held, samples = make_pool(corpus, "valid", recipe)
    return Material(pool, fixed_streams(pool, recipe.per_step, recipe.balance), held, samples)


def _of_sets(recipe: Recipe, data: Path) -> Recipe:
    """The recipe with those of its sets that are there."""
    there = {}
    for name in recipe.sets:
        with suppress(MissingFileError):
            find(data, name)
            there[name] = recipe.per_step[name]
    if not there:
        raise MissingFileError(f"{data}: expected at least one of the recipe's sets, {', '.join(recipe.sets)}")
    return recipe.model_copy(update={"per_step": there})


def _drawn(asked: Comparison, seed: int, context: Context, place: tuple[str, float, float]) -> Material:
    budget, (name, low, high) = asked.budget, place
    drawn: list[Pool] = []
    # a process takes seconds to start
    processes = (os.cpu_count() or 1) if budget.pictures >= _PART else 1
    for number, count in _parts(seed, budget):
        context.check()
        done = sum(map(len, drawn)) / (budget.pictures + budget.held_out)
        context.report(low + done * (high - low), f"{name}: drawing faces")
        world = World(asked.truth or asked.edited, number, DOMAIN)
        drawn.append(kept_pool(world, count, processes=processes, progress=False))
    seen = -(-budget.pictures // _PART)
    pool, held = _joined(drawn[:seen]), _joined(drawn[seen:])
    streams = labelled_streams(asked.labelled, len(pool))
    pool = replace(pool, annotations=only_own_labels(pool.annotations, streams))
    samples = [Sample(DOMAIN.name, "", str(i), held.annotations[i]) for i in range(len(held))]
    return Material(pool, streams, held, samples)


def _parts(seed: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """World seeds and counts of a seed's faces: first those to train on, then those held out, of other people."""
    for first, count in ((0, budget.pictures), (_HELD_OUT, budget.held_out)):
        for part, start in enumerate(range(0, count, _PART)):
            yield first + 1000 * seed + part, min(_PART, count - start)


def _joined(pools: Sequence[Pool]) -> Pool:
    return Pool.of({str(i): (pool.crops[0], pool.annotations) for i, pool in enumerate(pools)})


def labelled_streams(labelled: Labelled, count: int) -> list[Stream]:
    """Which of so many pictures carry an expression, AUs, valence and arousal; in this order."""
    units = max(1, round(labelled.action_units * count))
    affect = max(1, round(labelled.valence_arousal * count))
    every = np.arange(count)
    parts = every[units + affect :], every[:units], every[units : units + affect]
    return [Stream(part, number) for part, number in zip(parts, PER_STEP, strict=True)]


def only_own_labels(labels: Annotations, streams: Sequence[Stream]) -> Annotations:
    """The labels with the weights of all but each stream's own task set to 0; streams as ``labelled_streams``."""
    kept = {}
    for task, stream in zip(AFFECT_TASKS, streams, strict=True):
        mask = torch.zeros(labels.batch)
        mask[torch.from_numpy(stream.pool)] = 1
        label = labels[task]
        kept[task] = Label(label.value, label.weight * (mask[:, None] if task.kind == "binary" else mask))
    return labels | kept


def _run(
    asked: Comparison, arm: str, seed: int, on: Material, context: Context, words: str, share: tuple[float, float]
) -> dict[str, Any]:
    table = context.folder / f".{arm}.json"
    getattr(asked, arm).write(table)
    steps = asked.budget.steps
    changes = {"table": str(table), "seed": seed, "epochs": 1, "steps_per_epoch": steps, "patience": 0}
    recipe = asked.recipe.model_copy(update=changes | {"warmup": min(asked.recipe.warmup, steps // 4)})
    try:
        network = trial(recipe, on.pool, on.streams, context.folder / f".training-{arm}", (context, words, share))
    finally:
        table.unlink(missing_ok=True)
    seen = np.concatenate([np.asarray(part) for part in on.held.crops])
    said = read(network, seen, recipe.sides[-1] if recipe.sides else network.spec.size)
    rows = torch.from_numpy(scored_rows(on.samples))
    return {"arm": arm, "seed": seed, "git_sha": revision()} | measure(
        said[rows], on.held.annotations[rows], asked.changed
    )


def measure(said: Predictions, truth: Annotations, changed: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """One run's figures.

    Returns:
        tasks (as ``figures``), units (AU -> F1 at 0.5), chance (of both; of an AU, that of calling it active always),
        and for each changed cell: cells, the share of the expression's pictures in which the AU is said to be active,
        and true, in which it is.
    """
    every = np.arange(len(truth.expression_weight))
    columns = scorable(truth, POSITIVES)
    p, y, w = said.action_units.numpy(), truth.action_units.numpy(), truth.action_units_weight.numpy()
    units, always = metrics.au_f1(p, y, w), metrics.au_f1(np.ones_like(p), y, w)
    cells, true = {}, {}
    for category, number in changed:
        column, expression = AU_INDEX[number], EXPRESSION_INDEX[category]
        own = (truth.expression.argmax(-1).numpy() == expression) & (truth.expression_weight.numpy() > 0)
        own &= w[:, column] > 0
        if own.any():
            cells[f"{category} AU{number}"] = float((p[own, column] >= DECISION).mean())
            true[f"{category} AU{number}"] = float((y[own, column] >= DECISION).mean())
    return {
        "tasks": _finite({name: figure(every) for name, figure in figures(said, truth, POSITIVES).items()}),
        "units": _finite({ACTION_UNITS[i].short: float(units[i]) for i in columns}),
        "chance": _finite(chance(truth, POSITIVES) | {ACTION_UNITS[i].short: float(always[i]) for i in columns}),
        "cells": cells,
        "true": true,
    }


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}

"""Pools of aligned crops with labels and teacher predictions, made from data sets and a recipe."""

import hashlib
import os
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import torch
from rich.progress import track
from safetensors.torch import load_file, save_file

from fbn.data.corpus import Corpus
from fbn.data.crops import Crops, Rows, cached_crops
from fbn.data.loading import Pool, smoothed, weighted
from fbn.data.silver import read_silver
from fbn.errors import FormatError
from fbn.models import store
from fbn.records import Annotations, Predictions, Sample
from fbn.resources import cache_folder, whole_file
from fbn.tasks import ACTION_UNITS, TASKS, Task
from fbn.training.predict import BATCH, batches
from fbn.training.recipe import Recipe


def make_pool(corpus: Corpus, part: str, recipe: Recipe) -> tuple[Pool, list[Sample]]:
    """Return one split of a corpus as a pool, and its samples in the pool's order.

    Only the training split gets the recipe's label weights, silver labels and teacher.

    Raises:
        FbnError: a picture, the silver file or a teacher cannot be read.
    """
    train = part == "train"
    silver = _silver(recipe.silver, recipe.silver_weight) if train else {}
    sets: dict[str, tuple[Crops, Annotations]] = {}
    samples: list[Sample] = []
    for name in corpus.names:
        of_set, among = corpus.of_set(name, part)
        if not of_set:
            continue
        labels = Annotations.stack([sample.annotations for sample in of_set])
        if train:
            labels = weighted(smoothed(labels, recipe.smoothing.get(name, 0.0)), recipe.label_weights.get(name, {}))
        if silver:
            empty = Annotations.empty()
            labels = labels.merge(Annotations.stack([silver.get((name, s.path), empty) for s in of_set]))
        sets[name] = (cached_crops(of_set, among), labels)
        samples += of_set
    if not sets:
        raise FormatError(f"the sets {list(corpus.names)} have no pictures in their {part} part")
    teacher = teacher_predictions(recipe.teacher, [crops for crops, _ in sets.values()]) if train else None
    return Pool.of(sets, teacher), samples


def _silver(path: str | None, weight: float) -> dict[tuple[str, str], Annotations]:
    if path is None:
        return {}
    labels = {key: Annotations.of(action_units=units) for key, units in read_silver(Path(path)).items()}
    return {key: weighted(value, {ACTION_UNITS.name: weight}) for key, value in labels.items()}


def teacher_predictions(teachers: Sequence[str], crops: Sequence[Crops]) -> Predictions | None:
    """Return an ensemble's mean prediction of every crop, over its members and over the crop and its mirror image.

    Cached by the members' weights and the crops' file.

    Returns:
        Predictions of batch shape [N] whose softmax and sigmoid are the mean probabilities; None without teachers.
    """
    if not teachers:
        return None
    key = hashlib.sha256(b"by task")
    for teacher in teachers:
        key.update(store.manifest(teacher).sha256[store.ONNX].encode())
    for part in crops:
        key.update(str(getattr(part, "filename", "")).encode())
        key.update(part.rows.tobytes() if isinstance(part, Rows) else b"")
    path = cache_folder("teachers") / f"{key.hexdigest()[:24]}.safetensors"
    if not os.path.exists(path):
        with whole_file(path) as unfinished:
            save_file({task.name: value for task, value in _ensemble(teachers, crops).items()}, unfinished)
    return Predictions({TASKS[name]: value for name, value in load_file(path).items()})


def _ensemble(teachers: Sequence[str], crops: Sequence[Crops]) -> Predictions:
    networks = [store.load(teacher, threads=2) for teacher in teachers]
    predictions: list[Predictions] = []
    inputs = chain.from_iterable(zip(*(batches(n, part) for n in networks), strict=True) for part in crops)
    steps = sum(-(-len(part) // BATCH) for part in crops)
    for each in track(inputs, f"{len(teachers)} teachers read {sum(map(len, crops))} pictures", steps):
        pairs = list(zip(networks, each, strict=True))
        predictions.append(average([view for n, images in pairs for view in (n(images), n(images.flip(-1)))]))
    return Predictions.concatenate(predictions)


def average(views: Sequence[Predictions]) -> Predictions:
    """Average predictions: probabilities for expressions and AUs, returned as logits of the mean."""
    mean = {task: torch.stack([view.probability(task) for view in views]).mean(0) for task in views[0]}
    return Predictions({task: _raw(task, value) for task, value in mean.items()})


def _raw(task: Task, probability: torch.Tensor) -> torch.Tensor:
    """Return logits of probabilities; values of continuous tasks are unchanged."""
    if task.kind == "categorical":
        return probability.clamp_min(1e-6).log()
    return probability.logit(eps=1e-6) if task.kind == "binary" else probability

"""A network's features, basic predictions and zero-shot scores of labelled faces, computed once and cached."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fbn.compound import CompoundClasses, terms
from fbn.data.compound_faces import Faces
from fbn.data.crops import Rows
from fbn.errors import FormatError
from fbn.fewshot.probe import IntArray, Probe
from fbn.models import store
from fbn.models.network import FaceNetwork
from fbn.models.zoo import with_compound
from fbn.records import Predictions
from fbn.resources import cache_folder, whole_file
from fbn.tasks import ACTION_UNITS, COMPOUND, EXPRESSION, VALENCE_AROUSAL
from fbn.training.predict import BATCH, batches, predict

#: Names in the cache's files.
_HEADS = {"expression_logits": EXPRESSION, "action_unit_logits": ACTION_UNITS, "valence_arousal": VALENCE_AROUSAL}


@dataclass(frozen=True)
class FewShotData:
    """Labelled faces and a network's outputs for them.

    Attributes:
        faces: n labelled pictures.
        network: the starting network.
        classes: the C candidate classes.
        labels: [n] index into ``classes.classes``.
        features: [n, F].
        predictions: basic outputs of batch shape [n].
        total: [n, C] zero-shot scores.
        key: hash of the pictures and the network's weights.
    """

    faces: Faces
    network: FaceNetwork
    classes: CompoundClasses
    labels: IntArray
    features: Tensor
    predictions: Predictions
    total: Tensor
    key: str


def extract_features(
    faces: Faces,
    network: FaceNetwork,
    weights: str,
    classes: CompoundClasses,
    watch: Callable[[float], None] = lambda progress: None,
) -> FewShotData:
    """Compute a network's outputs for all faces, or read them from the cache.

    Args:
        faces: labelled pictures.
        network: in evaluation mode.
        weights: checksum of its weights.
        classes: candidate classes, among them every class of ``faces``.
        watch: called with the progress in [0, 1]; may raise to stop.

    Raises:
        FormatError: a class of the pictures is not among ``classes``, or the network lacks a head.
    """
    if unknown := [name for name in faces.classes if name not in classes.classes]:
        raise FormatError(
            f"{faces.name}: class {unknown[0]!r} is not among those of {classes.name}: {', '.join(classes.classes)}"
        )
    number = np.array([classes.classes.index(name) for name in faces.classes], np.intp)
    key = hashlib.sha256(f"{faces.key} {weights}".encode() + faces.rows.tobytes()).hexdigest()[:24]
    path = cache_folder("features") / f"{key}.safetensors"
    if not os.path.exists(path):
        values = _extract(network, Rows(faces.crops, faces.rows), watch)
        with whole_file(path) as unfinished:
            save_file(values, unfinished)
    values = load_file(path)
    predictions = Predictions({task: values[name] for name, task in _HEADS.items() if name in values})
    total = terms(predictions, classes).total
    return FewShotData(faces, network, classes, number[faces.labels], values["features"], predictions, total, key)


def load_starting_network(name: str | Path) -> tuple[FaceNetwork, str]:
    """Return a model's torch network and the checksum of its weights."""
    network = store.load(name, runtime="torch")
    assert isinstance(network, FaceNetwork)
    return network, store.manifest(name).sha256[store.WEIGHTS]


def with_probe(data: FewShotData, probe: Probe) -> FaceNetwork:
    """Return the starting network with a compound head that has a probe's weights and temperature."""
    network = with_compound(data.network, data.classes, probe.temperature)
    assert network.compound is not None
    with torch.no_grad():
        network.compound.residual.weight.copy_(probe.weight)
        network.compound.residual.bias.copy_(probe.bias)
    return network.eval()


def _extract(network: FaceNetwork, crops: Rows, watch: Callable[[float], None]) -> dict[str, Tensor]:
    results: list[dict[str, Tensor]] = []
    with torch.inference_mode():
        for number, images in enumerate(batches(network, crops)):
            watch(number * BATCH / len(crops))
            features = network.features(images)
            predictions = network.apply_heads(features)
            heads = {name: predictions[task] for name, task in _HEADS.items() if task in predictions}
            results.append({"features": features, **heads})
    return {name: torch.cat([batch[name] for batch in results]).contiguous() for name in results[0]}


def compound_logits(network: FaceNetwork, crops: np.ndarray, rows: IntArray) -> Tensor:
    """Return the [n, C] compound logits of a network with a compound head, in evaluation mode."""
    predictions = predict(network, Rows(crops, rows))
    return predictions[predictions.stored(COMPOUND)]

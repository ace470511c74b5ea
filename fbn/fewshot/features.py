"""What a network makes of labelled faces, computed once and kept: features, basic outputs, zero-shot scores."""

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
from fbn.fewshot.probe import Numbers, Probe
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
class Material:
    """Labelled faces as a network sees them.

    Attributes:
        faces: n pictures.
        network: the starting weights.
        classes: to choose among.
        labels: [n] index into ``classes.classes``.
        features: [n, F].
        said: basic outputs of batch shape [n].
        total: [n, C] zero-shot totals.
        key: changes with the pictures and the network.
    """

    faces: Faces
    network: FaceNetwork
    classes: CompoundClasses
    labels: Numbers
    features: Tensor
    said: Predictions
    total: Tensor
    key: str


def look(
    faces: Faces,
    network: FaceNetwork,
    weights: str,
    classes: CompoundClasses,
    watch: Callable[[float], None] = lambda share: None,
) -> Material:
    """Show all faces to a network, or read from the cache what it made of them.

    Args:
        faces: labelled pictures.
        network: in evaluation mode.
        weights: checksum of its weights.
        classes: to choose among; every class of ``faces`` must be there.
        watch: told of the share done; raises where the work is to stop.

    Raises:
        FormatError: a class of the pictures is not among ``classes``, or the network lacks a head.
    """
    if strangers := [name for name in faces.classes if name not in classes.classes]:
        raise FormatError(
            f"{faces.name}: class {strangers[0]!r} is not among those of {classes.name}: {', '.join(classes.classes)}"
        )
    number = np.array([classes.classes.index(name) for name in faces.classes], np.intp)
    key = hashlib.sha256(f"{faces.key} {weights}".encode() + faces.rows.tobytes()).hexdigest()[:24]
    path = cache_folder("features") / f"{key}.safetensors"
    if not os.path.exists(path):
        values = _extract(network, Rows(faces.crops, faces.rows), watch)
        with whole_file(path) as unfinished:
            save_file(values, unfinished)
    values = load_file(path)
    said = Predictions({task: values[name] for name, task in _HEADS.items() if name in values})
    total = terms(said, classes).total
    return Material(faces, network, classes, number[faces.labels], values["features"], said, total, key)


def starting(name: str | Path) -> tuple[FaceNetwork, str]:
    """A model's torch network, and the checksum of its weights."""
    network = store.load(name, runtime="torch")
    assert isinstance(network, FaceNetwork)
    return network, store.manifest(name).sha256[store.WEIGHTS]


def with_probe(material: Material, found: Probe) -> FaceNetwork:
    """The starting network with a probe's residual and temperature."""
    made = with_compound(material.network, material.classes, found.temperature)
    assert made.compound is not None
    with torch.no_grad():
        made.compound.residual.weight.copy_(found.weight)
        made.compound.residual.bias.copy_(found.bias)
    return made.eval()


def _extract(network: FaceNetwork, crops: Rows, watch: Callable[[float], None]) -> dict[str, Tensor]:
    parts: list[dict[str, Tensor]] = []
    with torch.inference_mode():
        for number, images in enumerate(batches(network, crops)):
            watch(number * BATCH / len(crops))
            features = network.features(images)
            said = network.read(features)
            heads = {name: said[task] for name, task in _HEADS.items() if task in said}
            parts.append({"features": features, **heads})
    return {name: torch.cat([part[name] for part in parts]).contiguous() for name in parts[0]}


def compound_logits(network: FaceNetwork, crops: np.ndarray, rows: Numbers) -> Tensor:
    """[n, C] of a network that has such a head, in evaluation mode."""
    said = predict(network, Rows(crops, rows))
    return said[said.own(COMPOUND)]

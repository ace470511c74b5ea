"""How well one network names compound expressions: without having seen any, and with few of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fbn import metrics
from fbn.compound import CompoundClasses, Terms, terms
from fbn.data.crops import Crops
from fbn.fewshot.curve import SHOTS, as_json, curve
from fbn.models.network import FaceNetwork
from fbn.records import Predictions
from fbn.studies.compound_faces import Named
from fbn.training.predict import batches

#: Name -> figure of a confusion matrix. UAR, unweighted average recall, is the mean diagonal by another name.
FIGURES = {
    "mean_diagonal": metrics.mean_diagonal,
    "macro_f1": metrics.macro_f1,
    "accuracy": metrics.accuracy,
}


@dataclass(frozen=True)
class FeaturesAndPredictions:
    """What a network computes of N pictures.

    Attributes:
        features: [N, F].
        predictions: of batch shape [N].
    """

    features: Tensor
    predictions: Predictions


def features_and_predictions(network: FaceNetwork, crops: Crops, side: int) -> FeaturesAndPredictions:
    """Of crops with a margin, shown at a resolution of so many pixels; on the CPU in float32."""
    features, predictions = [], []
    with torch.inference_mode():
        for images in batches(network, crops, side):
            own = network.features(images)
            features.append(own.to("cpu", torch.float32))
            predictions.append(network.read(own).to("cpu", torch.float32))
    return FeaturesAndPredictions(torch.cat(features), Predictions.concatenate(predictions))


def zero_shot(predictions: Predictions, classes: CompoundClasses, labels: np.ndarray, rounds: int) -> dict[str, Any]:
    """The scorer of eq. 12 to 15 on pictures of known class.

    Args:
        predictions: of batch shape [N].
        classes: C of them.
        labels: [N] class numbers.
        rounds: bootstrap draws of pictures.

    Returns:
        figures (name -> value, low, high), recalls (class -> recall), each of the three terms' own mean diagonal, and
        the confusion matrix, rows true classes.
    """
    apart = terms(predictions, classes)
    choice = apart.total.argmax(-1).numpy()
    matrix = metrics.confusion(choice, labels, classes=len(classes.classes))
    recalls = zip(classes.classes, metrics.recalls(matrix).tolist(), strict=True)
    return {
        "figures": intervals(choice, labels, len(classes.classes), rounds),
        "recalls": {name: recall for name, recall in recalls if np.isfinite(recall)},
        "terms": {name: _own_diagonal(term, labels) for name, term in _apart(apart).items()},
        "confusion": matrix.astype(int).tolist(),
    }


def intervals(choice: np.ndarray, labels: np.ndarray, classes: int, rounds: int) -> dict[str, dict[str, float]]:
    """Every figure with its bootstrap interval over pictures: name -> value, low, high."""

    def figure(name: str, at: np.ndarray) -> float:
        return FIGURES[name](metrics.confusion(choice[at], labels[at], classes=classes))

    return {name: asdict(metrics.bootstrap(partial(figure, name), len(labels), rounds=rounds)) for name in FIGURES}


def measure(
    network: FaceNetwork,
    side: int,
    sets: Mapping[str, tuple[CompoundClasses, Named]],
    draws: int,
    rounds: int,
    seed: int,
    shots: Sequence[int | None] = SHOTS,
) -> dict[str, Any]:
    """One network on every set.

    Of a set with a test part the rest is learned from.

    Args:
        network: trained on basic labels.
        side: of the pictures that it was trained on, pixels.
        sets: name -> classes, pictures.
        draws: of the few pictures to learn from.
        rounds: bootstrap draws.
        seed: of the few pictures; networks measured with the same seed meet the same.
        shots: pictures a class.

    Returns:
        Name -> pictures, measured, zero_shot (as ``zero_shot``) and, where there is a rest, curve
        (``fbn.fewshot.curve.CurvePoint``, 0 shots first).
    """
    found = {}
    for name, (classes, own) in sets.items():
        labels = np.array([classes.classes.index(one) for one in own.classes])
        both = features_and_predictions(network, own.crops, side)
        at = np.flatnonzero(own.test)
        own_predictions = both.predictions[torch.from_numpy(at)]
        found[name] = {
            "pictures": len(labels),
            "measured": len(at),
            "zero_shot": zero_shot(own_predictions, classes, labels[at], rounds),
        }
        if not own.test.all():
            total = terms(both.predictions, classes).total
            points = curve(
                both.features, total, torch.from_numpy(labels), test=own.test, shots=shots, draws=draws, seed=seed
            )
            found[name]["curve"] = as_json(points)
    return found


def _apart(apart: Terms) -> dict[str, Tensor]:
    return {"action_units": apart.action_units, "expressions": apart.expressions, "valence": apart.valence}


def _own_diagonal(term: Tensor, labels: np.ndarray) -> float:
    """Of one term alone; a tie is shared, as valence says the same of most classes."""
    best = (term == term.amax(-1, keepdim=True)).double().numpy()
    right = best[np.arange(len(labels)), labels] / best.sum(-1)
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))

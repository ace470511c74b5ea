"""Zero-shot and few-shot metrics of a network on compound expressions."""

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
from fbn.studies.compound_faces import CompoundFaces
from fbn.training.predict import batches

#: Name -> metric of a confusion matrix. The mean diagonal equals UAR, unweighted average recall.
FIGURES = {
    "mean_diagonal": metrics.mean_diagonal,
    "macro_f1": metrics.macro_f1,
    "accuracy": metrics.accuracy,
}


@dataclass(frozen=True)
class FeaturesAndPredictions:
    """A network's outputs for N pictures.

    Attributes:
        features: [N, F].
        predictions: predictions of batch shape [N].
    """

    features: Tensor
    predictions: Predictions


def features_and_predictions(network: FaceNetwork, crops: Crops, side: int) -> FeaturesAndPredictions:
    """Compute a network's outputs for crops with a margin, at ``side`` pixels; on the CPU in float32."""
    features, predictions = [], []
    with torch.inference_mode():
        for images in batches(network, crops, side):
            of_batch = network.features(images)
            features.append(of_batch.to("cpu", torch.float32))
            predictions.append(network.apply_heads(of_batch).to("cpu", torch.float32))
    return FeaturesAndPredictions(torch.cat(features), Predictions.concatenate(predictions))


def zero_shot(predictions: Predictions, classes: CompoundClasses, labels: np.ndarray, rounds: int) -> dict[str, Any]:
    """Evaluate the zero-shot scores of eq. 12 to 15 on labelled pictures.

    Args:
        predictions: predictions of batch shape [N].
        classes: the C candidate classes.
        labels: [N] class indices.
        rounds: bootstrap draws of pictures.

    Returns:
        figures (name -> value, low, high), recalls (class -> recall), terms (mean diagonal of each of the three terms
        alone), and confusion, rows true classes.
    """
    scores = terms(predictions, classes)
    choice = scores.total.argmax(-1).numpy()
    matrix = metrics.confusion(choice, labels, classes=len(classes.classes))
    recalls = zip(classes.classes, metrics.recalls(matrix).tolist(), strict=True)
    return {
        "figures": intervals(choice, labels, len(classes.classes), rounds),
        "recalls": {name: recall for name, recall in recalls if np.isfinite(recall)},
        "terms": {name: _diagonal_of_term(term, labels) for name, term in _by_name(scores).items()},
        "confusion": matrix.astype(int).tolist(),
    }


def intervals(choice: np.ndarray, labels: np.ndarray, classes: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return every metric with its bootstrap interval over pictures: name -> value, low, high."""

    def figure(name: str, at: np.ndarray) -> float:
        return FIGURES[name](metrics.confusion(choice[at], labels[at], classes=classes))

    return {name: asdict(metrics.bootstrap(partial(figure, name), len(labels), rounds=rounds)) for name in FIGURES}


def measure(
    network: FaceNetwork,
    side: int,
    sets: Mapping[str, tuple[CompoundClasses, CompoundFaces]],
    draws: int,
    rounds: int,
    seed: int,
    shots: Sequence[int | None] = SHOTS,
) -> dict[str, Any]:
    """Evaluate one network on every data set, zero-shot and, with pictures outside the test split, few-shot.

    Args:
        network: trained on basic labels.
        side: resolution of its training pictures, in pixels.
        sets: name -> classes, pictures.
        draws: random draws of the few-shot training pictures.
        rounds: bootstrap draws.
        seed: seed of the draws; the same seed draws the same pictures for every network.
        shots: training pictures per class.

    Returns:
        Name -> pictures, measured, zero_shot (as ``zero_shot``) and, if few-shot, curve
        (``fbn.fewshot.curve.CurvePoint``, 0 shots first).
    """
    results = {}
    for name, (classes, faces) in sets.items():
        labels = np.array([classes.classes.index(one) for one in faces.classes])
        both = features_and_predictions(network, faces.crops, side)
        at = np.flatnonzero(faces.test)
        tested = both.predictions[torch.from_numpy(at)]
        results[name] = {
            "pictures": len(labels),
            "measured": len(at),
            "zero_shot": zero_shot(tested, classes, labels[at], rounds),
        }
        if not faces.test.all():
            total = terms(both.predictions, classes).total
            points = curve(
                both.features, total, torch.from_numpy(labels), test=faces.test, shots=shots, draws=draws, seed=seed
            )
            results[name]["curve"] = as_json(points)
    return results


def _by_name(scores: Terms) -> dict[str, Tensor]:
    return {"action_units": scores.action_units, "expressions": scores.expressions, "valence": scores.valence}


def _diagonal_of_term(term: Tensor, labels: np.ndarray) -> float:
    """Return the mean diagonal of one term alone; ties count fractionally, as valence is the same for most classes."""
    best = (term == term.amax(-1, keepdim=True)).double().numpy()
    right = best[np.arange(len(labels)), labels] / best.sum(-1)
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))

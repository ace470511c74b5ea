"""A proxy for compound expressions on real faces: pictures for which FER+'s taggers voted for two expressions.

No data set of compound expressions is freely available, so a picture counts as, for example, fearfully surprised if at
least three of ten taggers voted for fear and at least three for surprise. The taggers were not asked for compounds, so
this is only a proxy. The shipped network is also not strictly zero-shot here, as it was trained on the votes of other
pictures, including mixed ones.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fbn import metrics
from fbn.compound import CompoundClasses, terms
from fbn.context import Context
from fbn.data.corpus import without_duplicates
from fbn.data.crops import cached_crops
from fbn.data.sources import ferplus, find
from fbn.errors import FormatError
from fbn.fewshot.curve import SHOTS, out_of_fold, probe_method, sample_shots
from fbn.models import store
from fbn.models.bodies.residual import Residual
from fbn.models.network import FaceNetwork
from fbn.models.zoo import facebehaviornet
from fbn.records import Sample
from fbn.relatedness import RelatednessTable
from fbn.studies.compound_measure import FeaturesAndPredictions, features_and_predictions
from fbn.training.provenance import revision
from fbn.vocabulary import COMPOUND_EXPRESSIONS, EXPRESSIONS, Expression

#: Minimum votes of each of the two expressions, maximum votes of neutral, number of pairs used.
VOTES, NEUTRAL, PAIRS = 3, 2, 6
_FOLDS = 5
#: Heads compared: the probe with the zero-shot prior, and two ablations without a prior.
HEADS = ("zero-shot prior and features", "random body", "expression outputs alone")


@dataclass(frozen=True)
class Pairs:
    """The pictures of the proxy.

    Attributes:
        samples: N pictures of the pairs used.
        classes: compound names, the pair with the most test pictures first.
        labels: [N] class indices.
        test: [N] bool, True for FER2013Valid, False for FER2013Train.
        left_out: reason -> number of pictures of FER2013Valid with two expressions that are not used.
    """

    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    labels: np.ndarray
    test: np.ndarray
    left_out: dict[str, int]


def two_expressions(sample: Sample) -> frozenset[Expression]:
    """Return the non-neutral expressions with at least ``VOTES`` of ten votes; empty if neutral exceeds ``NEUTRAL``."""
    fraction = sample.annotations.expression * sample.annotations.expression_weight
    votes = dict(zip(EXPRESSIONS, (fraction * ferplus.TAGGERS).round().int().tolist(), strict=True))
    if votes.pop(Expression.NEUTRAL) > NEUTRAL:
        return frozenset()
    return frozenset(expression for expression, count in votes.items() if count >= VOTES)


def pairs(samples: Sequence[Sample], count: int = PAIRS) -> Pairs:
    """Select the pictures with exactly two expressions, of the most frequent pairs in the test split.

    Test pictures with an identical copy in FER2013Train are left out, and so are pairs without a name in Du, Tao &
    Martinez (2014).

    Args:
        samples: samples of FER+, with votes.
        count: number of pairs.

    Raises:
        FormatError: there are fewer pairs.
    """
    kept = without_duplicates(samples)
    copies = {s.path for s in samples} - {s.path for s in kept}
    shared = [s for s in samples if s.part == "test" and s.path in copies and len(two_expressions(s)) == 2]
    named = [(sample, _name(two_expressions(sample))) for sample in kept if sample.part in ("train", "test")]
    found = Counter(name for sample, name in named if name and sample.part == "test")
    if len(found) < count:
        raise FormatError(f"FER+: {len(found)} pairs of expressions in FER2013Valid, expected {count} or more")
    classes = tuple(name for name, _ in found.most_common(count))
    own = [(sample, classes.index(name)) for sample, name in named if name in classes]
    unnamed = sum(s.part == "test" and len(two_expressions(s)) == 2 and not name for s, name in named)
    rare = sum(found.values()) - sum(found[name] for name in classes)
    return Pairs(
        tuple(sample for sample, _ in own),
        classes,
        np.array([label for _, label in own]),
        np.array([sample.part == "test" for sample, _ in own]),
        {"copies": len(shared), "pairs without a name": unnamed, "rarer pairs": rare},
    )


def proxy(
    data_root: Path, model: str = "fbn", draws: int = 5, rounds: int = 1000, context: Context | None = None
) -> dict[str, Any]:
    """Evaluate the proxy on FER2013Valid.

    Args:
        data_root: folder with ``ferplus.zip`` or ``ferplus/``.
        model: name or folder of the model to evaluate.
        draws: random draws of the few-shot training pictures, and number of random bodies.
        rounds: bootstrap draws.
        context: receives the progress, and is checked for cancellation.

    Returns:
        date, git_sha, model; classes (name -> number of train and test pictures), left_out; chance; zero_shot (figures
        and confusion); few_shot: head -> ``"from FER2013Train"`` and ``"cross-validated in FER2013Valid"`` -> shots ->
        figures. Figures: top1 and mean_diagonal, each value, low, high over pictures and draws, and the same of the
        difference to zero-shot.

    Raises:
        FbnError: the data or the model does not exist or cannot be read.
    """
    context = context or Context(Path())
    context.report(0.0, "reading FER+")
    own = pairs(ferplus.read(find(data_root, ferplus.NAME)).samples)
    classes = CompoundClasses.of(own.classes, RelatednessTable.named("du2014"), "FER+ pairs")
    network = store.load(model, runtime="torch")
    assert isinstance(network, FaceNetwork)
    crops, labels = cached_crops(own.samples), torch.from_numpy(own.labels)
    context.report(0.1, "reading the pictures")
    both = features_and_predictions(network, crops, network.spec.size)
    total = terms(both.predictions, classes).total
    truth = own.labels[own.test]
    base = total.argmax(-1).numpy()[own.test]
    few: dict[str, Any] = {}
    for number, head in enumerate(HEADS):
        own_draws = []
        for d in range(draws):
            context.check()
            context.report(0.2 + 0.8 * (number + d / draws) / len(HEADS), f"few-shot: {head}, draw {d + 1}")
            features, prior = _head(head, network, crops, both, total, d)
            own_draws.append(_choices(features, prior, labels, own.test, d))
        few[head] = {
            where: {shots: summary([one[where][shots] for one in own_draws], truth, base, rounds) for shots in first}
            for where, first in own_draws[0].items()
        }
    matrix = metrics.confusion(base, truth, classes=len(own.classes))
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "git_sha": revision(),
        "model": store.manifest(model).name,
        "classes": {
            name: {"train": int((own.labels[~own.test] == i).sum()), "test": int((truth == i).sum())}
            for i, name in enumerate(own.classes)
        },
        "left_out": own.left_out,
        "chance": {"top1": float(np.bincount(truth).max() / len(truth)), "mean_diagonal": 1 / len(own.classes)},
        "zero_shot": {"figures": summary([base], truth, base, rounds), "confusion": matrix.astype(int).tolist()},
        "few_shot": few,
    }


def _name(found: frozenset[Expression]) -> str:
    """Return the name of a pair's compound expression; "" if there are not two, or the pair has no name."""
    names = (name for name, own in COMPOUND_EXPRESSIONS.items() if frozenset((own.first, own.second)) == found)
    return next(names, "")


def _head(
    head: str, network: FaceNetwork, crops: np.ndarray, both: FeaturesAndPredictions, total: Tensor, d: int
) -> tuple[Tensor, Tensor]:
    """Return the features and the prior of a head; only the first head has a prior."""
    if head == HEADS[0]:
        return both.features, total
    if head == HEADS[2]:
        logits = both.predictions.expression_logits
        assert logits is not None
        return logits, torch.zeros_like(total)
    with torch.random.fork_rng():
        torch.manual_seed(d)
        residual = network.body
        assert isinstance(residual, Residual)
        body = facebehaviornet(widths=residual.widths, blocks=residual.blocks).eval()
    return features_and_predictions(body, crops, network.spec.size).features, torch.zeros_like(total)


def _choices(
    features: Tensor, prior: Tensor, labels: Tensor, test: np.ndarray, d: int
) -> dict[str, dict[str, np.ndarray]]:
    """Return source of the training pictures -> shots -> [tested] predicted classes."""
    y, tested, others = labels.numpy(), np.flatnonzero(test), np.flatnonzero(~test)
    learn = probe_method(features, prior, labels)
    inside = probe_method(features[tested], prior[tested], labels[tested])
    found: dict[str, dict[str, np.ndarray]] = {"from FER2013Train": {}, "cross-validated in FER2013Valid": {}}
    for shots in SHOTS:
        name = "all" if shots is None else str(shots)
        rows = sample_shots(y, others, shots, (d,))
        found["from FER2013Train"][name] = learn(rows, tested).argmax(1)
        scores = out_of_fold(inside, y[tested], _FOLDS, d, shots, (d,), None)
        found["cross-validated in FER2013Valid"][name] = scores.argmax(1)
    return found


def summary(choices: Sequence[np.ndarray], truth: np.ndarray, base: np.ndarray, rounds: int) -> dict[str, Any]:
    """Compute top-1 accuracy and mean diagonal, means over draws, and their differences to zero-shot.

    Args:
        choices: [N] predicted classes of each draw.
        truth: [N] true classes.
        base: [N] zero-shot predictions.
        rounds: bootstrap draws, of pictures and of ``choices``.

    Returns:
        top1, mean_diagonal, and both with the suffix ``_over_zero_shot``: value, low, high.
    """
    classes = int(truth.max()) + 1
    both = {"top1": metrics.accuracy, "mean_diagonal": metrics.mean_diagonal}
    found = {}
    for name, figure in both.items():

        def score(choice: np.ndarray, at: np.ndarray, figure: Any = figure) -> float:
            return float(figure(metrics.confusion(choice[at], truth[at], classes=classes)))

        every, rng = np.arange(len(truth)), np.random.default_rng(0)
        value, zero = float(np.mean([score(choice, every) for choice in choices])), score(base, every)
        drawn = []
        for _ in range(rounds):
            at = rng.integers(len(truth), size=len(truth))
            of = rng.integers(len(choices), size=len(choices))
            drawn.append((np.mean([score(choices[i], at) for i in of]), score(base, at)))
        few, none = np.array(drawn).T
        found[name] = _interval(value, few)
        found[f"{name}_over_zero_shot"] = _interval(value - zero, few - none)
    return found


def _interval(value: float, drawn: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"value": value, "low": float(low), "high": float(high)}

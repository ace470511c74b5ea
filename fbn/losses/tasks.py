"""Losses of single tasks (paper A, eq. 2; paper C, eq. 1)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from fbn.records import Annotations, Predictions
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL, Task

#: Lower bound of the concordance denominator: two equal constants have CCC 0, not 0/0.
_CCC_FLOOR = 1e-8


def as_float32(values: Tensor) -> Tensor:
    """Cast half-precision values to float32; wider ones stay as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Compute the scalar sum w v / sum w; 0, and differentiable, where every weight is 0. Shapes must be equal."""
    return (values * weight).sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)


def cross_entropy(
    predictions: Predictions,
    annotations: Annotations,
    task: Task = EXPRESSION,
    class_weights: Sequence[float] | None = None,
) -> Tensor:
    """L_Emo, L_Id = weighted mean over labelled images of -sum_e y(e) log p(e|x); y one-hot or a vote distribution.

    Minimal at p = y, where it is the entropy of y (0 if one-hot). The second softmax on p in paper A, eq. 16 (for
    identities) is a misprint.

    Args:
        predictions: logits [..., K] of a categorical task.
        annotations: targets and weights of the task.
        task: the task.
        class_weights: K factors; the weight of an image is multiplied by sum_e y(e) c(e).

    Example:
        >>> import fbn
        >>> import torch
        >>> predictions = fbn.Predictions.of(expression=torch.zeros(1, 7))
        >>> labels = fbn.Annotations.stack([fbn.Annotations.of("happiness")])
        >>> round(float(fbn.losses.cross_entropy(predictions, labels)), 3)  # log 7
        1.946
    """
    logits, label = as_float32(predictions[task]), annotations[task]
    weight = label.weight.to(logits)
    target = label.value.to(logits).masked_fill((weight <= 0)[..., None], 0)
    if class_weights is not None:
        weight = weight * (target * target.new_tensor(class_weights)).sum(-1)
    return weighted_mean(-(target * logits.log_softmax(-1)).sum(-1), weight)


def binary_cross_entropy(
    predictions: Predictions,
    annotations: Annotations,
    task: Task = ACTION_UNITS,
    positive_weights: Sequence[float] | None = None,
    reduction: Literal["mean", "sum"] = "mean",
) -> Tensor:
    """L_AU, L_Attr: binary cross entropy, averaged over an image's annotated labels, then over labelled images.

    With label weights w: per image sum_a w_a BCE_a / sum_a w_a; images are weighted by max_a w_a, which is 1 for every
    image with a hard label and the label weight for a pseudo-labelled image. Minimal at p(a|x) = y_a.

    Args:
        predictions: logits [..., K] of a binary task.
        annotations: targets in [0, 1] and weights of the task.
        task: the task.
        positive_weights: K factors on the positive term, -[c y log p + (1-y) log(1-p)].
        reduction: over the labels of an image; ``"sum"``, as in paper A, eq. 17 for attributes:
            sum_a w_a BCE_a / max_a w_a.

    Example:
        >>> import fbn
        >>> import torch
        >>> predictions = fbn.Predictions.of(action_units=torch.zeros(1, 17))
        >>> labels = fbn.Annotations.stack([fbn.Annotations.of(action_units={6: 1, 12: 1, 4: 0})])
        >>> round(float(fbn.losses.binary_cross_entropy(predictions, labels)), 3)  # log 2
        0.693
    """
    logits, label = as_float32(predictions[task]), annotations[task]
    weight = label.weight.to(logits)
    target = label.value.to(logits).masked_fill(weight <= 0, 0)
    factor = None if positive_weights is None else logits.new_tensor(positive_weights)
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none", pos_weight=factor)
    largest = weight.amax(-1)
    total = weight.sum(-1) if reduction == "mean" else largest
    return weighted_mean((each * weight).sum(-1) / total.clamp_min(torch.finfo(weight.dtype).tiny), largest)


def concordance_loss(predictions: Predictions, annotations: Annotations, task: Task = VALENCE_AROUSAL) -> Tensor:
    """L_VA = 1 - (CCC_v + CCC_a) / 2 over labelled images, CCC = 2 cov / (var + var + (mean - mean)^2).

    Moments are biased (n in the denominator, weights as frequencies), as in paper D, eq. 5; A and C misprint squared
    variances. In [0, 2], 0 at equality; 1 without a gradient for a single image. Use batches of some dozens of images.

    Example:
        >>> import fbn
        >>> import torch
        >>> predictions = fbn.Predictions.of(valence_arousal=torch.tensor([[0.5, 0.1], [-0.5, 0.3]]))
        >>> labels = fbn.Annotations.stack([fbn.Annotations.of(valence_arousal=v) for v in ((0.5, 0.1), (-0.5, 0.3))])
        >>> round(float(fbn.losses.concordance_loss(predictions, labels)), 3)
        0.0
    """
    values, target, weight = _flat(predictions, annotations, task)
    total = weight.sum()
    fraction = weight / total.clamp_min(torch.finfo(weight.dtype).tiny)
    mean_y, mean_p = (fraction * target).sum(0), (fraction * values).sum(0)
    y, p = target - mean_y, values - mean_p
    spread = (fraction * (y * y + p * p)).sum(0) + (mean_y - mean_p) ** 2
    ccc = 2 * (fraction * y * p).sum(0) / spread.clamp_min(_CCC_FLOOR)
    return (1 - ccc.mean()) * (total > 0)


def mean_squared_error(predictions: Predictions, annotations: Annotations, task: Task = VALENCE_AROUSAL) -> Tensor:
    """Weighted mean over labelled images of the squared error, averaged over a continuous task's values.

    Example:
        >>> import fbn
        >>> import torch
        >>> predictions = fbn.Predictions.of(valence_arousal=torch.tensor([[0.5, 0.1], [-0.5, 0.3]]))
        >>> labels = fbn.Annotations.stack([fbn.Annotations.of(valence_arousal=v) for v in ((0.5, 0.1), (-0.5, 0.3))])
        >>> round(float(fbn.losses.mean_squared_error(predictions, labels)), 3)
        0.0
    """
    values, target, weight = _flat(predictions, annotations, task)
    return weighted_mean(((values - target) ** 2).mean(-1, keepdim=True), weight)


def _flat(predictions: Predictions, annotations: Annotations, task: Task) -> tuple[Tensor, Tensor, Tensor]:
    """Return outputs [N, K], targets [N, K] and weights [N, 1] of all images."""
    label = annotations[task]
    values = as_float32(predictions[task]).reshape(-1, len(task))
    weight = label.weight.to(values).reshape(-1, 1)
    target = label.value.to(values).reshape(-1, len(task)).masked_fill(weight <= 0, 0)
    return values, target, weight

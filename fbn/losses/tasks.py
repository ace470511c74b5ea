"""The losses of each task alone (A eq. 2, C eq. 1)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from fbn.records import Annotations, Predictions

#: Floor of the concordance denominator: two constants that agree give CCC 0, not 0/0.
_CCC_FLOOR = 1e-8


def full(values: Tensor | None, head: str) -> Tensor:
    """A head's output in at least float32. Raises ValueError where the network has no such head."""
    if values is None:
        raise ValueError(f"this network has no {head} head")
    return values.to(torch.promote_types(values.dtype, torch.float32))


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Scalar sum w v / sum w; 0 with a graph where every weight is 0. Same shapes."""
    return (values * weight).sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)


def expression_cross_entropy(
    predictions: Predictions, annotations: Annotations, class_weights: Sequence[float] | None = None
) -> Tensor:
    """L_Emo = weighted mean over labelled images of -sum_e y(e) log p(e|x); y one-hot or a vote distribution.

    Lowest at p = y, where it is the entropy of y (0 if one-hot).

    Args:
        predictions: expression logits [..., 7].
        annotations: expression target and weight.
        class_weights: seven factors; an image's weight is multiplied by sum_e y(e) c(e).

    Example:
        >>> import fbn
        >>> import torch
        >>> predictions = fbn.Predictions(expression_logits=torch.zeros(1, 7))
        >>> labels = fbn.Annotations.stack([fbn.Annotations.of("happiness")])
        >>> round(float(fbn.losses.expression_cross_entropy(predictions, labels)), 3)  # log 7
        1.946
    """
    logits = full(predictions.expression_logits, "expression")
    weight = annotations.expression_weight.to(logits)
    target = annotations.expression.to(logits).masked_fill((weight <= 0)[..., None], 0)
    if class_weights is not None:
        weight = weight * (target * target.new_tensor(class_weights)).sum(-1)
    return weighted_mean(-(target * logits.log_softmax(-1)).sum(-1), weight)


def action_unit_cross_entropy(
    predictions: Predictions, annotations: Annotations, positive_weights: Sequence[float] | None = None
) -> Tensor:
    """L_AU: binary cross entropy, averaged over an image's annotated AUs, then over AU-labelled images.

    With label weights w: per image sum_a w_a BCE_a / sum_a w_a; images are averaged by max_a w_a, which is 1 for every
    image with a hard label, and lets a pseudo-labelled image count by its weight. Lowest at p(a|x) = y_a.

    Args:
        predictions: AU logits [..., 17].
        annotations: AU targets in [0, 1] and weights.
        positive_weights: seventeen factors on the active part, -[c y log p + (1-y) log(1-p)].

    Example:
        >>> import fbn
        >>> import torch
        >>> predictions = fbn.Predictions(action_unit_logits=torch.zeros(1, 17))
        >>> labels = fbn.Annotations.stack([fbn.Annotations.of(action_units={6: 1, 12: 1, 4: 0})])
        >>> round(float(fbn.losses.action_unit_cross_entropy(predictions, labels)), 3)  # log 2
        0.693
    """
    logits = full(predictions.action_unit_logits, "action unit")
    weight = annotations.action_units_weight.to(logits)
    target = annotations.action_units.to(logits).masked_fill(weight <= 0, 0)
    factor = None if positive_weights is None else logits.new_tensor(positive_weights)
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none", pos_weight=factor)
    image = (each * weight).sum(-1) / weight.sum(-1).clamp_min(torch.finfo(weight.dtype).tiny)
    return weighted_mean(image, weight.amax(-1))


def valence_arousal_ccc(predictions: Predictions, annotations: Annotations) -> Tensor:
    """L_VA = 1 - (CCC_v + CCC_a) / 2 over labelled images, CCC = 2 cov / (var + var + (mean - mean)^2).

    Biased moments (n in the denominator, weights as frequencies), as D eq. 5; A and C misprint squared variances.
    In [0, 2], 0 at equality; 1 with no gradient from a single image. Meaningful from some dozens of images on.

    Example:
        >>> import fbn
        >>> import torch
        >>> predictions = fbn.Predictions(valence_arousal=torch.tensor([[0.5, 0.1], [-0.5, 0.3]]))
        >>> labels = fbn.Annotations.stack([fbn.Annotations.of(valence_arousal=v) for v in ((0.5, 0.1), (-0.5, 0.3))])
        >>> round(float(fbn.losses.valence_arousal_ccc(predictions, labels)), 3)
        0.0
    """
    values, target, weight = _valence_arousal(predictions, annotations)
    total = weight.sum()
    share = weight / total.clamp_min(torch.finfo(weight.dtype).tiny)
    mean_y, mean_p = (share * target).sum(0), (share * values).sum(0)
    y, p = target - mean_y, values - mean_p
    spread = (share * (y * y + p * p)).sum(0) + (mean_y - mean_p) ** 2
    ccc = 2 * (share * y * p).sum(0) / spread.clamp_min(_CCC_FLOOR)
    return (1 - ccc.mean()) * (total > 0)


def valence_arousal_mse(predictions: Predictions, annotations: Annotations) -> Tensor:
    """Weighted mean over labelled images of the squared error, averaged over valence and arousal.

    Example:
        >>> import fbn
        >>> import torch
        >>> predictions = fbn.Predictions(valence_arousal=torch.tensor([[0.5, 0.1], [-0.5, 0.3]]))
        >>> labels = fbn.Annotations.stack([fbn.Annotations.of(valence_arousal=v) for v in ((0.5, 0.1), (-0.5, 0.3))])
        >>> round(float(fbn.losses.valence_arousal_mse(predictions, labels)), 3)
        0.0
    """
    values, target, weight = _valence_arousal(predictions, annotations)
    return weighted_mean(((values - target) ** 2).mean(-1, keepdim=True), weight)


def _valence_arousal(predictions: Predictions, annotations: Annotations) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs [N, 2], targets [N, 2] and weights [N, 1] over all images."""
    values = full(predictions.valence_arousal, "valence-arousal").reshape(-1, 2)
    weight = annotations.valence_arousal_weight.to(values).reshape(-1, 1)
    target = annotations.valence_arousal.to(values).reshape(-1, 2).masked_fill(weight <= 0, 0)
    return values, target, weight

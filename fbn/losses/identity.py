"""Identities and attributes coupled as expressions and AUs are (A 3.2): the losses of case study II, on plain tensors.

``RelatednessTable`` holds expressions and AUs alone; here R is a [identities, attributes] tensor.
"""

import torch
from torch import Tensor
from torch.nn import functional

from fbn.losses.coupling import Gradients, MatchingForm, match
from fbn.losses.tasks import full, weighted_mean


def identity_attributes(identity: Tensor, attributes: Tensor, identities: int) -> Tensor:
    """[identities, attributes] R(id, attr): share of an identity's images that have the attribute (A Table II).

    Args:
        identity: [N] long, in [0, identities).
        attributes: [N, attributes] 0 or 1.
        identities: rows of R; one without images has 0 everywhere.
    """
    attributes = attributes.to(torch.promote_types(attributes.dtype, torch.float32))
    count = torch.zeros(identities, dtype=attributes.dtype, device=attributes.device)
    total = torch.zeros(identities, attributes.shape[-1], dtype=attributes.dtype, device=attributes.device)
    count.index_add_(0, identity, torch.ones_like(attributes[:, 0]))
    total.index_add_(0, identity, attributes)
    return total / count.clamp_min(1)[:, None]


def identity_cross_entropy(logits: Tensor, identity: Tensor, weight: Tensor) -> Tensor:
    """L_Id = weighted mean of -log p(id|x), p = softmax(logits).

    A eq. 16 prints a second softmax on p: a misprint, not offered.

    Args:
        logits: [..., identities].
        identity: [...] long; read only where ``weight`` is above 0.
        weight: [...] weight >= 0; 0 = not annotated.

    Example:
        >>> import fbn
        >>> import torch
        >>> loss = fbn.losses.identity_cross_entropy(torch.zeros(2, 4), torch.tensor([3, 0]), torch.ones(2))
        >>> round(float(loss), 3)  # log 4
        1.386
    """
    logits = full(logits, "identity")
    weight = weight.to(logits)
    chosen = identity.masked_fill(weight <= 0, 0)[..., None]
    return weighted_mean(-logits.log_softmax(-1).gather(-1, chosen).squeeze(-1), weight)


def attribute_cross_entropy(logits: Tensor, attributes: Tensor, weight: Tensor) -> Tensor:
    """L_Attr = mean over annotated images of the sum over attributes of the binary cross entropy (A eq. 17).

    Summed, where the AU loss takes a mean over an image's annotated AUs.

    Args:
        logits: [..., attributes].
        attributes: [..., attributes] in [0, 1].
        weight: [..., attributes] weight >= 0; 0 = not annotated. An image counts by its largest weight.

    Example:
        >>> import fbn
        >>> import torch
        >>> loss = fbn.losses.attribute_cross_entropy(torch.zeros(2, 3), torch.ones(2, 3), torch.ones(2, 3))
        >>> round(float(loss), 3)  # 3 log 2
        2.079
    """
    logits = full(logits, "attribute")
    weight = weight.to(logits)
    target = attributes.to(logits).masked_fill(weight <= 0, 0)
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    largest = weight.amax(-1)
    return weighted_mean((each * weight).sum(-1) / largest.clamp_min(torch.finfo(largest.dtype).tiny), largest)


def identity_attribute_matching(
    identity_logits: Tensor,
    attribute_logits: Tensor,
    relatedness: Tensor,
    form: MatchingForm = "kl",
    eps: float = 1e-3,
    gradients: Gradients | None = None,
) -> Tensor:
    """L_DM between p(attr|x) and q(attr|x) = sum_id p(id|x) R(id, attr), summed over attributes, mean over images.

    A eq. 18 sums over 17 AUs: a misprint for the 40 attributes. Forms, their minima and ``gradients`` are those of
    ``distribution_matching``; every attribute counts, since every R(id, attr) is an observation.

    Args:
        identity_logits: [..., identities].
        attribute_logits: [..., attributes].
        relatedness: [identities, attributes] in [0, 1], see ``identity_attributes``.
        form: see ``distribution_matching``.
        eps: floor of q and of 1 - q.
        gradients: through p, q or both; None as in ``distribution_matching``.

    Example:
        >>> import fbn
        >>> import torch
        >>> relatedness = torch.tensor([[0.9, 0.1], [0.1, 0.9]])
        >>> first = torch.tensor([[9.0, -9.0]])
        >>> matching = fbn.losses.identity_attribute_matching
        >>> agree, differ = (matching(first, attributes, relatedness) for attributes in (first, -first))
        >>> bool(agree < differ)
        True
    """
    z = full(attribute_logits, "attribute")
    identity = full(identity_logits, "identity").softmax(-1)
    gradients = gradients or ("p" if form == "soft_target" else "both")
    z = z.detach() if gradients == "q" else z
    identity = identity.detach() if gradients == "p" else identity
    r = relatedness.to(identity)
    q, not_q = (x.clamp(eps, 1 - eps) for x in (identity @ r, identity @ (1 - r)))
    return match(z, q, not_q, form).sum(-1).mean()

"""Losses that couple two tasks through a relatedness table (paper A, sections 3.1.2 and 3.2; paper C, section 3).

The table's rows are the labels of a categorical task and its columns those of a binary one: expressions and action
units, or identities and attributes. A loss uses only the labels that the network predicts: a head for 12 AUs is coupled
by those 12.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from fbn.labelling import Observational, co_annotations, intensity
from fbn.losses.tasks import as_float32, binary_cross_entropy, cross_entropy, weighted_mean
from fbn.records import Annotations, Predictions
from fbn.relatedness import MIN_WEIGHT, RelatednessTable
from fbn.tasks import Task

MatchingForm = Literal["kl", "printed", "cross_entropy", "soft_target"]
Mixture = Literal["sum", "mean"]
Gradients = Literal["both", "p", "q"]
SoftForm = Literal["printed", "soft_target"]


#: Above this number of rows the mixture is a matrix product, which needs less memory than an elementwise sum.
_MAX_ROWS_SUMMED = 64


def mixture_of_rows(
    probability: Tensor,
    table: RelatednessTable,
    mixture: Mixture = "sum",
    binary: bool = True,
    min_weight: float = MIN_WEIGHT,
    rows: Task | None = None,
    columns: Task | None = None,
) -> tuple[Tensor, Tensor]:
    """Compute q(a|x) = sum_e p(e|x) R(e, a) and 1 - q, each [..., C] (paper A, eq. 3; paper C, eq. 2).

    Args:
        probability: [..., R] p(e|x), probabilities of the table's categorical task.
        table: relatedness; q is 0 outside ``table.support`` of the same arguments.
        mixture: ``"sum"`` as in paper A's examples (q(AU2) = p(surprise) + p(fear)); ``"mean"`` divides by the number
            of expressions that have the AU, as in paper C's example (half of that).
        binary: use R01 (weights of at least ``min_weight`` count as 1) instead of R.
        min_weight: see ``RelatednessTable.matrix``.
        rows, columns: labels of the matrix; None: see ``RelatednessTable.matrix``.
    """
    r = table.matrix(rows, columns, binary=binary, min_weight=min_weight).to(probability)
    if mixture == "mean":
        r = r / (r > 0).sum(0).clamp_min(1)
    elif mixture != "sum":
        raise ValueError(f"mixture {mixture!r}: expected one of {get_args(Mixture)}")
    # the complement is summed separately: 1 - q would lose precision where q is close to 1; products are elementwise,
    # for autocast would compute a matrix product in bfloat16
    if len(r) > _MAX_ROWS_SUMMED:
        with torch.autocast(probability.device.type, enabled=False):
            return probability @ r, probability @ (1 - r)
    e = probability[..., None]
    return (e * r).sum(-2), (e * (1 - r)).sum(-2)


def bernoulli_divergence(z: Tensor, q: Tensor, not_q: Tensor, form: MatchingForm) -> Tensor:
    """Compute the elementwise divergence of Bernoulli p = sigmoid(z) from Bernoulli q.

    Args:
        z: logits of p.
        q: in (0, 1), of z's shape.
        not_q: 1 - q, computed without cancellation.
        form: see ``distribution_matching``.
    """
    p, not_p = z.sigmoid(), (-z).sigmoid()
    log_p, log_not_p = functional.logsigmoid(z), functional.logsigmoid(-z)
    if form == "kl":
        return p * (log_p - q.log()) + not_p * (log_not_p - not_q.log())
    if form == "printed":
        return -p * q.log()
    if form == "cross_entropy":
        return -(p * q.log() + not_p * not_q.log())
    if form == "soft_target":
        return -(q * log_p + not_q * log_not_p)
    raise ValueError(f"form {form!r}: expected one of {get_args(MatchingForm)}")


def distribution_matching(
    predictions: Predictions,
    table: RelatednessTable,
    form: MatchingForm = "kl",
    mixture: Mixture = "sum",
    binary: bool = True,
    eps: float = 1e-3,
    gradients: Gradients | None = None,
    min_weight: float = MIN_WEIGHT,
) -> Tensor:
    """L_DM: match p(a|x) with the mixture q(a|x), summed over support(R), averaged over all images.

    Paper A, eq. 4, and paper C, eq. 3, for expressions and AUs; paper A, eq. 18, for identities and attributes (with
    ``binary=False``), which misprints 17 AUs for the 40 attributes.

    q is clamped to [eps, 1 - eps]; no gradient flows through a clamped q. The forms, with the p that minimises each for
    a given q:

    - ``kl``: KL(Bernoulli p || Bernoulli q), as the papers' footnote defines it. Minimum 0 at p = q.
    - ``printed``: -p log q, the papers' equation. Linear in p: minimum at p = 0 for every AU.
    - ``cross_entropy``: -[p log q + (1-p) log(1-q)]. Linear in p: minimum at p = 0 or 1, whichever is nearer to q.
    - ``soft_target``: -[q log p + (1-q) log(1-p)], the usual form of distillation. Minimum, the entropy of q, at p = q.

    Args:
        predictions: logits of both tasks; no labels are needed.
        table: relatedness.
        form: see above.
        mixture: see ``mixture_of_rows``.
        binary: see ``mixture_of_rows``.
        eps: lower bound of q and of 1 - q (fbn's choice).
        gradients: ``"p"``: through the binary head; ``"q"``: through the categorical head; or ``"both"``. None: both,
            except for ``soft_target``, whose target q is detached: ``"p"``.
        min_weight: see ``RelatednessTable.matrix``.

    Example:
        >>> import fbn
        >>> import torch
        >>> table = fbn.RelatednessTable.named("du2014")
        >>> predictions = fbn.Predictions.of(torch.zeros(1, 7, requires_grad=True), torch.zeros(1, 17))
        >>> loss = fbn.losses.distribution_matching(predictions, table)
        >>> loss.item() > 0, loss.requires_grad
        (True, True)
    """
    each, _ = matching_terms(predictions, table, form, mixture, binary, eps, gradients, min_weight)
    return each.sum(-1).mean()


def matching_terms(
    predictions: Predictions,
    table: RelatednessTable,
    form: MatchingForm = "kl",
    mixture: Mixture = "sum",
    binary: bool = True,
    eps: float = 1e-3,
    gradients: Gradients | None = None,
    min_weight: float = MIN_WEIGHT,
) -> tuple[Tensor, Tensor]:
    """Compute each column's term of ``distribution_matching``, 0 outside the support, and the clamped q; both [..., C].

    Arguments as in ``distribution_matching``.
    """
    rows, columns = predictions.stored(table.rows), predictions.stored(table.columns)
    z = as_float32(predictions[columns])
    e = as_float32(predictions[rows]).softmax(-1)
    gradients = gradients or ("p" if form == "soft_target" else "both")
    if gradients not in get_args(Gradients):
        raise ValueError(f"gradients {gradients!r}: expected one of {get_args(Gradients)}")
    z = z.detach() if gradients == "q" else z
    e = e.detach() if gradients == "p" else e
    mixed = mixture_of_rows(e, table, mixture, binary, min_weight, rows, columns)
    q, not_q = (x.clamp(eps, 1 - eps) for x in mixed)
    each = bernoulli_divergence(z, q, not_q, form)
    support = table.matrix(rows, columns, binary=binary, min_weight=min_weight).any(0).to(each)
    return each * support, q


def soft_co_annotation(
    predictions: Predictions,
    annotations: Annotations,
    table: RelatednessTable,
    form: SoftForm = "printed",
    temperature: float = 1.0,
    observational: Observational = "weight",
) -> Tensor:
    """L_SCA (paper A, eq. 11): match p(e|x) with the soft label q(e|x) of an image's AUs; mean over images with AUs.

    Gradients flow through p only; q is computed from labels (``fbn.labelling.soft_labels``). Forms:

    - ``printed``: -sum_e p log q. Linear in p: minimum where p is one-hot at the largest entry of q.
    - ``soft_target``: -sum_e q log p. Minimum at p = q, which is nearly uniform at the paper's temperature 1.

    Args:
        predictions: logits of the table's categorical task.
        annotations: labels of its binary task; an image is weighted by its largest label weight.
        table: relatedness.
        form: see above.
        temperature: temperature of the soft label, > 0; 1 in the paper, lower is sharper.
        observational: weight of observational AUs in the soft label.

    Example:
        >>> import fbn
        >>> import torch
        >>> table = fbn.RelatednessTable.named("du2014")
        >>> labels = fbn.Annotations.stack([fbn.Annotations.of(action_units={6: 1, 12: 1, 25: 1})])
        >>> happy = fbn.Predictions.of(expression=5 * fbn.Annotations.of("happiness").expression[None])
        >>> angry = fbn.Predictions.of(expression=5 * fbn.Annotations.of("anger").expression[None])
        >>> losses = [fbn.losses.soft_co_annotation(face, labels, table) for face in (happy, angry)]
        >>> bool(losses[0] < losses[1])
        True
    """
    rows, columns = predictions.stored(table.rows), annotations.stored(table.columns)
    log_p = as_float32(predictions[rows]).log_softmax(-1)
    log_q = (intensity(annotations, table, observational, rows).to(log_p) / temperature).log_softmax(-1)
    if form == "printed":
        each = -(log_p.exp() * log_q).sum(-1)
    elif form == "soft_target":
        each = -(log_q.exp() * log_p).sum(-1)
    else:
        raise ValueError(f"form {form!r}: expected one of {get_args(SoftForm)}")
    return weighted_mean(each, annotations[columns].weight.amax(-1).to(each))


def co_annotation(
    predictions: Predictions,
    annotations: Annotations,
    table: RelatednessTable,
    observational: Observational = "weight",
    class_weights: Sequence[float] | None = None,
    positive_weights: Sequence[float] | None = None,
) -> Tensor:
    """Cross entropy plus binary cross entropy on the labels that co-annotation adds (paper A, 3.1.2; paper C, 3).

    The given labels are not part of this loss; see ``cross_entropy`` and ``binary_cross_entropy`` for them.

    Args:
        predictions: logits of both tasks.
        annotations: labels of both tasks, from which ``fbn.labelling.co_annotations`` derives the added ones.
        table: relatedness.
        observational: weight of observational columns, see ``fbn.labelling.co_annotations``.
        class_weights: [R] factors, see ``cross_entropy``.
        positive_weights: [C] factors, see ``binary_cross_entropy``.

    Example:
        >>> import fbn
        >>> import torch
        >>> table = fbn.RelatednessTable.named("du2014")
        >>> labels = fbn.Annotations.stack([fbn.Annotations.of("happiness")])
        >>> predictions = fbn.Predictions.of(torch.zeros(1, 7), torch.zeros(1, 17))
        >>> round(float(fbn.losses.co_annotation(predictions, labels, table)), 3)  # log 2: the AUs of happiness
        0.693
    """
    added = co_annotations(annotations, table, observational=observational)
    rows, columns = predictions.stored(table.rows), predictions.stored(table.columns)
    loss = cross_entropy(predictions, added, rows, class_weights)
    return loss + binary_cross_entropy(predictions, added, columns, positive_weights)

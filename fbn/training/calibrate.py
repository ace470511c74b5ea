"""Calibration after training: shifts AU logits so that 0.5 is the decision threshold, within the last layer."""

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit

from fbn.metrics import au_f1
from fbn.models.heads.linear import Linear
from fbn.models.network import FaceNetwork
from fbn.records import Annotations
from fbn.tasks import ACTION_UNITS
from fbn.vocabulary import DECISION

#: Shrinkage of each AU's shift towards the shared one, in annotated rows: the validation split is small, and an AU
#: that is active in only a few of its rows must not get a separate shift (fbn's choice).
SHRINKAGE = 20.0


def fit_shifts(
    logits: torch.Tensor, annotations: Annotations, shrinkage: float = SHRINKAGE
) -> tuple[float, np.ndarray]:
    """Fit Platt scaling (Platt 1999) with one scale for all AUs and a shift for each, shrunk towards a shared shift.

    Minimises the cross entropy of sigmoid(scale * logit + shift) over annotated AUs, plus
    ``shrinkage`` / 2 times the squared distance of each shift from the shared one.

    Args:
        logits: [N, 17] of a held-out split.
        annotations: annotations of batch shape [N].
        shrinkage: see above.

    Returns:
        Scale > 0 and shifts [17]; an AU that is never annotated gets the shared shift.
    """
    z = logits.detach().double().numpy()
    y = (annotations.action_units >= DECISION).numpy()
    known = annotations.action_units_weight.numpy() > 0
    if not known.any():
        return 1.0, np.zeros(z.shape[1])

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        log_scale, shared, deviation = parameters[0], parameters[1], parameters[2:]
        scale = np.exp(log_scale)
        logit = scale * z + shared + deviation
        each = np.where(known, np.logaddexp(0, np.where(y, -logit, logit)), 0)
        slope = np.where(known, expit(logit) - y, 0)
        # a weak prior of the scale on 1 keeps it finite where the data are separable
        value = each.sum() + shrinkage / 2 * (deviation @ deviation + log_scale**2)
        by_scale = (slope * z).sum() * scale + shrinkage * log_scale
        return value, np.concatenate([[by_scale, slope.sum()], slope.sum(0) + shrinkage * deviation])

    solution = minimize(loss, np.zeros(2 + z.shape[1]), jac=True, method="L-BFGS-B").x
    return float(np.exp(solution[0])), solution[1] + solution[2:]


def decision_shift(logits: torch.Tensor, annotations: Annotations) -> float:
    """Return the shift, common to all AUs, that gives the best mean F1 at a threshold of 0.5.

    Cross entropy alone minimises errors, so that a rare AU is never predicted. There is one shift rather than 17 as
    the validation split is too small for more.

    Args:
        logits: [N, 17] of a held-out split, already scaled.
        annotations: annotations of batch shape [N].

    Returns:
        The middle of the best interval within [-4, 4]; 0 where no AU is ever active.
    """
    target, weight = annotations.action_units, annotations.action_units_weight
    if not ((target >= DECISION) & (weight > 0)).any():
        return 0.0
    grid = np.linspace(-4, 4, 81)
    scores = np.array([np.nanmean(au_f1((logits + float(c)).sigmoid(), target, weight)) for c in grid])
    # smoothed, so that a single lucky step does not decide
    smooth = np.convolve(np.pad(scores, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    return float(grid[smooth >= smooth.max() - 1e-9].mean())


@torch.no_grad()
def fold(network: FaceNetwork, scale: float, shifts: np.ndarray) -> None:
    """Change the last layer in place so that AU logits become ``scale * logit + shifts``; shifts: [17]."""
    head = network.head(ACTION_UNITS)
    assert isinstance(head, Linear)
    columns = head.columns(ACTION_UNITS)
    head.output.weight[columns] *= scale
    head.output.bias[columns] = head.output.bias[columns] * scale + torch.from_numpy(shifts).float()

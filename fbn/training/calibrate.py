"""After training: shift AU logits so that 0.5 is the decision, and fold the shift into the network's last layer."""

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

#: Strength of the pull of each AU's shift towards the shared one, in annotated rows: the validation part is small,
#: and an AU that is active in a handful of its rows must not get a shift of its own (fbn's choice).
SHRINKAGE = 20.0


def fit_shifts(
    logits: torch.Tensor, annotations: Annotations, shrinkage: float = SHRINKAGE
) -> tuple[float, np.ndarray]:
    """Platt scaling (Platt 1999) with one scale for all AUs and a shift for each, shrunk towards a shared shift.

    Minimises the cross entropy of sigmoid(scale * logit + shift) over annotated AUs, plus
    ``shrinkage`` / 2 times the squared distance of each shift from the shared one.

    Args:
        logits: [N, 17] of a part that the network was not trained on.
        annotations: of batch shape [N].
        shrinkage: see above.

    Returns:
        scale > 0 and shifts [17]; an AU that is never annotated gets the shared shift.
    """
    z = logits.detach().double().numpy()
    y = (annotations.action_units >= DECISION).numpy()
    known = annotations.action_units_weight.numpy() > 0
    if not known.any():
        return 1.0, np.zeros(z.shape[1])

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        log_scale, shared, own = parameters[0], parameters[1], parameters[2:]
        scale = np.exp(log_scale)
        logit = scale * z + shared + own
        each = np.where(known, np.logaddexp(0, np.where(y, -logit, logit)), 0)
        slope = np.where(known, expit(logit) - y, 0)
        # a weak pull of the scale towards 1 keeps it finite where the part is separable
        value = each.sum() + shrinkage / 2 * (own @ own + log_scale**2)
        by_scale = (slope * z).sum() * scale + shrinkage * log_scale
        return value, np.concatenate([[by_scale, slope.sum()], slope.sum(0) + shrinkage * own])

    found = minimize(loss, np.zeros(2 + z.shape[1]), jac=True, method="L-BFGS-B").x
    return float(np.exp(found[0])), found[1] + found[2:]


def decision_shift(logits: torch.Tensor, annotations: Annotations) -> float:
    """The one shift for all AUs under which deciding at 0.5 gives the best mean F1.

    Cross entropy alone sets a rare AU's decision where errors are fewest, which is "never". One shift, not 17: the
    part is too small for more.

    Args:
        logits: [N, 17] of a part that the network was not trained on, scaled already.
        annotations: of batch shape [N].

    Returns:
        The middle of the best stretch of [-4, 4]; 0 where no AU is ever active.
    """
    target, weight = annotations.action_units, annotations.action_units_weight
    if not ((target >= DECISION) & (weight > 0)).any():
        return 0.0
    grid = np.linspace(-4, 4, 81)
    scores = np.array([np.nanmean(au_f1((logits + float(c)).sigmoid(), target, weight)) for c in grid])
    # averaged over its neighbours: a lucky single step must not decide
    smooth = np.convolve(np.pad(scores, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    return float(grid[smooth >= smooth.max() - 1e-9].mean())


@torch.no_grad()
def fold(network: FaceNetwork, scale: float, shifts: np.ndarray) -> None:
    """Change the last layer, in place, so that its AU logits become ``scale * logit + shifts``."""
    head = network.head(ACTION_UNITS)
    assert isinstance(head, Linear)
    columns = head.columns(ACTION_UNITS)
    head.output.weight[columns] *= scale
    head.output.bias[columns] = head.output.bias[columns] * scale + torch.from_numpy(shifts).float()

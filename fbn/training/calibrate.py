"""After training: shift AU logits so that 0.5 is the decision, and fold the shift into the network's last layer."""

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit

from fbn.models.network import FaceBehaviorNet
from fbn.records import Annotations
from fbn.vocabulary import DECISION, Task

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


@torch.no_grad()
def fold(network: FaceBehaviorNet, scale: float, shifts: np.ndarray) -> None:
    """Change the last layer, in place, so that its AU logits become ``scale * logit + shifts``."""
    columns = network.columns(Task.ACTION_UNITS)
    network.output.weight[columns] *= scale
    network.output.bias[columns] = network.output.bias[columns] * scale + torch.from_numpy(shifts).float()

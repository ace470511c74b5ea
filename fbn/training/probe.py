"""Linear probe on raw pixels: how trivial the action units of synthetic faces are to recognise."""

import cv2
import numpy as np

from fbn.data.augment import centre
from fbn.data.loading import Pool
from fbn.metrics import Array, au_auc

_SIDE = 32
#: Ridge penalties, as fractions of the number of pictures.
PENALTIES = (0.001, 0.01, 0.1, 1.0)


def pixel_probe(pool: Pool, held_out: Pool, penalties: tuple[float, ...] = PENALTIES) -> Array:
    """Return [17] ROC area of each AU on held-out faces, predicted by ridge regression from 32x32 gray pixels.

    The penalty is the best one on the held-out faces, so the areas are optimistic.
    """
    train, test = pixels(pool), pixels(held_out)
    mean, spread = train.mean(0), train.std(0) + 1e-6
    labels, truth = pool.annotations.action_units.numpy(), held_out.annotations.action_units.numpy()
    candidates = [
        au_auc(ridge((train - mean) / spread, labels, (test - mean) / spread, penalty), truth) for penalty in penalties
    ]
    return max(candidates, key=lambda areas: float(np.nan_to_num(np.nanmean(areas))))


def ridge(features: np.ndarray, targets: np.ndarray, unseen: np.ndarray, penalty: float) -> np.ndarray:
    """Fit ridge regression in closed form and return its predictions [M, K] for ``unseen`` [M, D].

    Minimises |y - b - x w|^2 + penalty N |w|^2 over [N, D] features of mean 0 and [N, K] targets.
    """
    count, width = features.shape
    gram = features.T @ features + penalty * count * np.eye(width)
    bias = targets.mean(0)
    return np.asarray(unseen @ np.linalg.solve(gram, features.T @ (targets - bias)) + bias)


def pixels(pool: Pool, side: int = _SIDE) -> np.ndarray:
    """Return [N, side * side] float64 gray values of a pool's crops without their margins."""
    rows = []
    for number in range(len(pool)):
        gray = cv2.cvtColor(centre(pool.crop(number)), cv2.COLOR_RGB2GRAY)
        rows.append(cv2.resize(gray, (side, side), interpolation=cv2.INTER_AREA).ravel())
    return np.stack(rows).astype(np.float64)

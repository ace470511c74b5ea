"""Random action units of a face, drawn from a row of a relatedness table."""

from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fbn.synthetic.parameters import Share
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, DECISION

#: Pairs that exclude each other (FACS): a random distractor is dropped, AUs of the table's row never are.
ANTAGONISTS: tuple[tuple[int, int], ...] = ((24, 25), (24, 26))
#: Upper limit of a trace's intensity, well below the threshold of an active AU.
_TRACE_BELOW = 0.3
#: Maximum magnitude of the asymmetry of an AU.
_LARGEST_LEAN = 0.3
#: Sum of the parameters of the beta distribution of activations; higher varies less.
_CONCENTRATION = 5.0


class Activity(BaseModel):
    """Parameters of the random AUs.

    Attributes:
        distractor: probability of an AU outside the row, also in neutral faces.
        trace: probability that an inactive AU has a trace intensity below 0.3.
        lean: standard deviation of the left-right difference, as a fraction of the intensity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    distractor: Share = 0.04
    trace: Share = 0.2
    lean: float = Field(default=0.06, ge=0, le=0.2)


def draw_units(
    row: Mapping[int, float], generator: np.random.Generator, how: Activity, strength: float = 0.5
) -> np.ndarray:
    """Draw the AU intensities of one face.

    An AU of the row is active with probability equal to its weight, so prototypical ones always are; any other with
    the probability of a distractor. AUs outside the 17 (AU11) are ignored. An active AU's intensity is 0.5 + 0.5 Beta
    with mean ``strength``. The number of random draws does not depend on the settings.

    Args:
        row: FACS number -> weight in (0, 1].
        generator: random generator.
        how: parameters.
        strength: in [0, 1]; 0: barely active, 1: maximum intensity.

    Returns:
        [17, 2] intensities, left and right, in [0, 1].
    """
    draws = generator.random((3, len(AU_NUMBERS)))
    mean = min(max(strength, 0.02), 0.98)
    strong = DECISION + (1 - DECISION) * generator.beta(
        _CONCENTRATION * mean, _CONCENTRATION * (1 - mean), len(AU_NUMBERS)
    )
    lean = np.clip(how.lean * generator.standard_normal(len(AU_NUMBERS)), -_LARGEST_LEAN, _LARGEST_LEAN)
    named = {AU_INDEX[number]: weight for number, weight in row.items() if number in AU_INDEX}
    chance = np.full(len(AU_NUMBERS), how.distractor)
    chance[list(named)] = list(named.values())
    active = draws[0] < chance
    for first, second in ((AU_INDEX[a], AU_INDEX[b]) for a, b in ANTAGONISTS):
        if active[first] and active[second]:
            for one in (first, second):
                if one not in named:
                    active[one] = False
                    break
    faint = np.where(draws[1] < how.trace, _TRACE_BELOW * draws[2], 0.0)
    level = np.where(active, strong, faint)[:, None]
    # rounded, so that saved faces are short and exact
    return np.clip(level * np.stack([1 + lean, 1 - lean], -1), 0, 1).round(4)


def typical(row: Mapping[int, float], intensity: float = 0.8) -> dict[int, float]:
    """Return the AUs of weight 0.5 or more in a row: FACS number -> ``intensity``."""
    return {number: intensity for number, weight in row.items() if weight >= 0.5 and number in AU_INDEX}


def coded(units: np.ndarray) -> np.ndarray:
    """Convert intensities to FACS labels: an AU is active if its stronger side reaches ``DECISION``.

    Args:
        units: [..., 17, 2] intensities.

    Returns:
        [..., 17] 0 or 1.
    """
    return (units.max(-1) >= DECISION).astype(np.float32)

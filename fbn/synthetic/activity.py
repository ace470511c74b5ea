"""Which action units a face shows, drawn from a row of any relatedness table."""

from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fbn.synthetic.parameters import Share
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, DECISION

#: Pairs that one mouth cannot do at once (FACS): a drawn distractor gives way, a table's own AUs never do.
ANTAGONISTS: tuple[tuple[int, int], ...] = ((24, 25), (24, 26))
#: A trace stays below this, so that no coder calls it active.
_TRACE_BELOW = 0.3
_LARGEST_LEAN = 0.3
_CONCENTRATION = 5.0


class Activity(BaseModel):
    """How AUs are drawn.

    Attributes:
        distractor: probability of an AU that the row does not name, in neutral too.
        trace: probability that an inactive AU shows a trace, at less than 0.3.
        lean: standard deviation of the difference between left and right, as a share of the intensity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    distractor: Share = 0.04
    trace: Share = 0.2
    lean: float = Field(default=0.06, ge=0, le=0.2)


def draw_units(
    row: Mapping[int, float], generator: np.random.Generator, how: Activity, strength: float = 0.5
) -> np.ndarray:
    """Intensities of one face.

    An AU of the row is active with probability equal to its weight, so prototypical ones always are; any other with
    the probability of a distractor. Numbers outside the 17, which is AU11, are passed over. An active AU's
    intensity is 0.5 + 0.5 Beta of mean ``strength``. However the settings stand, as many numbers are drawn.

    Args:
        row: FACS number -> weight in (0, 1].
        generator: of every random choice.
        how: rates.
        strength: in [0, 1]; 0 only just active, 1 as strong as it gets.

    Returns:
        [17, 2] left and right, in [0, 1].
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
    # rounded so that a saved face is short and reads back to the same numbers
    return np.clip(level * np.stack([1 + lean, 1 - lean], -1), 0, 1).round(4)


def typical(row: Mapping[int, float], intensity: float = 0.8) -> dict[int, float]:
    """What the row's face shows most often: every AU of weight 0.5 or more, FACS number -> intensity."""
    return {number: intensity for number, weight in row.items() if weight >= 0.5 and number in AU_INDEX}


def coded(units: np.ndarray) -> np.ndarray:
    """The coder's rule: an AU is active where its stronger half reaches ``DECISION``.

    Args:
        units: [..., 17, 2] intensities.

    Returns:
        [..., 17] 0 or 1.
    """
    return (units.max(-1) >= DECISION).astype(np.float32)

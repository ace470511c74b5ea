"""Verdicts on differences by their confidence intervals, and both as text."""

import math
from enum import StrEnum


class Verdict(StrEnum):
    """Whether the 95 % interval of a difference lies above 0, below 0, or contains it."""

    BETTER = "better"
    WORSE = "worse"
    OPEN = "cannot be told"

    @property
    def mark(self) -> str:
        """A symbol, so that colour is not the only cue."""
        return {"better": "▲", "worse": "▼"}.get(self.value, "○")


def verdict(low: float, high: float) -> Verdict:
    """Return the verdict of an interval; OPEN for NaN, as with a single seed."""
    return Verdict.BETTER if low > 0 else Verdict.WORSE if high < 0 else Verdict.OPEN


def signed(value: float, digits: int = 3) -> str:
    """Format a number with its sign and a typographic minus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def interval(difference: float, low: float, high: float) -> str:
    """Format a difference and its interval; NaN limits mean a single seed."""
    if math.isnan(low) or math.isnan(high):
        return f"{signed(difference)}, one seed"
    return f"{signed(difference)} ({signed(low)} to {signed(high)})"

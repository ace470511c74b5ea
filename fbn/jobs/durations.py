"""Estimates of the duration of work on this machine: while it runs, and before, from the last similar job."""

from collections.abc import Callable, Mapping
from typing import Any

from fbn import jobs
from fbn.errors import FbnError

#: Progress (as a fraction) and seconds from which on the remaining time can be estimated.
_MIN_PROGRESS, _MIN_SECONDS = 0.02, 2.0


def in_words(seconds: float) -> str:
    """Format a duration, e.g. ``"40 s"``, ``"5 min"``, ``"2 h 10 min"``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def left(seconds: float, progress: float) -> float | None:
    """Estimate the remaining seconds; None if the work has only just begun.

    Args:
        seconds: time elapsed.
        progress: fraction done, in [0, 1].
    """
    if progress < _MIN_PROGRESS or seconds < _MIN_SECONDS:
        return None
    return seconds * (1 - progress) / progress


def countdown(seconds: float | None) -> str:
    """Format the remaining seconds, to append to a running job's message; "" if they are unknown."""
    if seconds is None:
        return ""
    if seconds < 10:
        return " · a few seconds left"
    return f" · about {in_words(round(seconds, -1) if seconds < 100 else seconds)} left"


def remembered(kind: str, work: Callable[[Mapping[str, Any]], float | None], wanted: float) -> str:
    """Estimate the duration of a new job, as text, from the last similar job that finished here; "" if there is none.

    Args:
        kind: one of ``fbn.jobs.kinds.KINDS``.
        work: returns the amount of work for a job's parameters, in any unit; None if that job is not comparable.
        wanted: amount of work of the new job, in the same unit.
    """
    try:
        # restarted jobs are excluded: part of their work was already done
        ended = [job for job in jobs.jobs() if job.kind == kind and job.status == "done" and job.queued == job.created]
    except FbnError:
        return ""
    for job in ended:
        done = work(job.parameters)
        if done:
            return f"About {in_words(job.seconds * wanted / done)} here, measured on {job.created.astimezone():%d %b}."
    return ""

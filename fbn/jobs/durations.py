"""How long work takes on this machine: estimated while it runs, and before from the last job like it."""

from collections.abc import Callable, Mapping
from typing import Any

from fbn import jobs
from fbn.errors import FbnError

#: Share and seconds of some work from which on the rest can be estimated.
_SHARE, _SECONDS = 0.02, 2.0


def in_words(seconds: float) -> str:
    """E.g. ``"40 s"``, ``"5 min"``, ``"2 h 10 min"``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def left(seconds: float, share: float) -> float | None:
    """Estimate the seconds until work is done; None where too little is done.

    Args:
        seconds: that it took so far.
        share: of it that is done, in [0, 1].
    """
    if share < _SHARE or seconds < _SECONDS:
        return None
    return seconds * (1 - share) / share


def countdown(seconds: float | None) -> str:
    """Text for seconds left, to append to a running job's; "" where they are not known."""
    if seconds is None:
        return ""
    if seconds < 10:
        return " · a few seconds left"
    return f" · about {in_words(round(seconds, -1) if seconds < 100 else seconds)} left"


def remembered(kind: str, work: Callable[[Mapping[str, Any]], float | None], wanted: float) -> str:
    """Text for a job before it is started, from the last one like it that ended here; "" where none did.

    Args:
        kind: of ``fbn.jobs.kinds.KINDS``.
        work: how much there is to do, of a job's parameters, in any unit; None: that job cannot be compared.
        wanted: the same of the one that is to be started.
    """
    try:
        # a restarted job had part of its work done already
        ended = [job for job in jobs.jobs() if job.kind == kind and job.status == "done" and job.queued == job.created]
    except FbnError:
        return ""
    for job in ended:
        done = work(job.parameters)
        if done:
            return f"About {in_words(job.seconds * wanted / done)} here, measured on {job.created.astimezone():%d %b}."
    return ""

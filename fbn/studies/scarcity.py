"""What couplings gain by how many pictures have AU labels: studies that differ by that alone; without Streamlit."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from fbn.errors import FbnError
from fbn.studies import answer
from fbn.studies.folder import SUMMARY
from fbn.studies.read import Studied
from fbn.studies.records import Difference, Key
from fbn.tasks import ACTION_UNITS

#: What may be asked otherwise of a study that stands beside another.
_FREE = ("rows", "seeds", "action_units")
#: Asked, or a budget's own, which may have been others in another version: what was taken is compared.
_STEPS = "steps"


@lru_cache(maxsize=64)
def _read(folder: Path, _written: int) -> Studied:
    """A study that others are compared with, read once for as long as nobody writes it anew."""
    return Studied.read(folder)


def alike(studied: Studied, there: Iterable[Path]) -> list[Studied]:
    """The study and those that asked the same with fewer or more AU labels, the scarcest first.

    Of each number one, the one with the most of its rows.
    """
    found = {_labelled(studied): studied}

    def rows(other: Studied) -> int:
        return len(studied.rows.keys() & other.rows.keys())

    for folder in there:
        try:
            other = _read(folder, (folder / SUMMARY).stat().st_mtime_ns)
        except (FbnError, OSError):
            # whoever opens it is told
            continue
        if _asked(other) == _asked(studied) and other.summary.trained_on == studied.summary.trained_on:
            number = _labelled(other)
            found[number] = max(found.get(number, other), other, key=rows)
    return [found[labelled] for labelled in sorted(found)]


def shared(studies: Sequence[Studied]) -> tuple[list[str], list[Key]]:
    """Rows that couple, and figures, of two studies at least; what the plan reads first stands first."""
    rows = [name for name, row in studies[0].rows.items() if row.terms]
    keys = list(studies[0].keys)
    for own in studies[1:]:
        rows += [name for name, row in own.rows.items() if row.terms and name not in rows]
    rows = [name for name in rows if sum(name in own.rows for own in studies) > 1]
    primary = next((row for own in studies if (row := answer.primary(own))), "")
    first = [figure.key for figure in answer.first_measure(studies[0], primary)] if primary in studies[0].rows else []
    return rows, sorted(keys, key=lambda key: key not in first)


def ladder(studies: Sequence[Studied], rows: Sequence[str], key: Key, side: str) -> dict[str, Mapping[int, Difference]]:
    """Row -> pictures with AU labels -> how the row differs.

    Args:
        studies: as ``alike`` gives them.
        rows: which.
        key: set, metric, whether filtered.
        side: against what, a key of ``SIDES``.
    """
    found: dict[str, Mapping[int, Difference]] = {}
    for row in rows:
        figures = {_labelled(own): own.by_place.get((row, key)) for own in studies}
        steps = {n: getattr(figure, side) for n, figure in figures.items() if figure}
        found[row] = {n: difference for n, difference in steps.items() if difference}
    return {row: steps for row, steps in found.items() if steps}


def _labelled(studied: Studied) -> int:
    return studied.summary.labelled.get(ACTION_UNITS.name, 0)


def _asked(studied: Studied) -> dict[str, object]:
    asked = {name: value for name, value in studied.summary.study.items() if name not in _FREE}
    return asked | {_STEPS: max(studied.steps.values(), default=asked.get(_STEPS))}

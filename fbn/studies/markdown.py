"""Studies as Markdown tables, to paste into a paper or a note; without Streamlit."""

from collections.abc import Mapping, Sequence

from fbn.errors import FormatError
from fbn.studies import answer
from fbn.studies.read import Studied, column_of
from fbn.studies.records import Detail, Figure, Key, in_order
from fbn.studies.words import SIDES, interval, key_name, verdict

#: Instead of a key of ``SIDES``: means and standard deviations, no difference.
MEANS = "means"


def by_figure(
    studied: Studied, side: str, rows: Sequence[str] = (), figures: Sequence[str] = (), bootstrapped: bool = False
) -> str:
    """Rows by figures.

    Args:
        studied: the study.
        side: a key of ``SIDES``, or ``MEANS``.
        rows: which; none: all.
        figures: which, as in ``runs.csv`` (``bp4d/f1``); none: all unfiltered.
        bootstrapped: the bootstrap's intervals, instead of Student's over seeds.

    Raises:
        FormatError: the study has no such row or figure.
    """
    keys = [_key(studied, name) for name in figures] or [key for key in studied.keys if not key[2]]
    wanted = _rows(studied, rows)
    cells = {row: [_cell(studied.by_place.get((row, key)), side, bootstrapped) for key in keys] for row in wanted}
    return _table("row", [key_name(studied, key) for key in keys], cells)


def by_name(studied: Studied, side: str, rows: Sequence[str], figure: str) -> str:
    """AUs or expressions, one by one, by rows.

    Args:
        studied: the study.
        side: as ``by_figure``.
        rows: which; none: all that have something to say.
        figure: as ``details.csv`` names it: ``bp4d/f1`` or ``bp4d/recall``.

    Raises:
        FormatError: the study has no such row or figure, or kept no differences of AUs and expressions.
    """
    known = dict.fromkeys((each.set, each.figure, each.filtered) for each in studied.details)
    named = {column_of(key): key for key in known}
    if figure not in named:
        raise FormatError(f"{studied.folder} has no AUs or expressions of {figure}: expected one of {', '.join(named)}")
    own = in_order([each for each in studied.details if (each.set, each.figure, each.filtered) == named[figure]])
    wanted = _rows(studied, rows)
    cells: dict[str, dict[str, str]] = {}
    for each in own:
        cells.setdefault(each.name, {})[each.row] = _cell(each, side, False)
    said = [row for row in wanted if any(found.get(row) for found in cells.values())]
    if not said:
        what = "means" if side == MEANS else f"differences against {SIDES[side]}"
        raise FormatError(f"{studied.folder}: these rows have no {what} of {figure}")
    return _table("name", said, {name: [found.get(row, "") for row in said] for name, found in cells.items()})


def by_study(
    studies: Mapping[str, Studied], side: str, rows: Sequence[str] = (), figure: str = "", bootstrapped: bool = False
) -> str:
    """Studies by rows, of one figure.

    Args:
        studies: name -> study.
        side: as ``by_figure``.
        rows: which; none: those that couple and that all studies have.
        figure: as ``by_figure``; "": what the plan reads first in each.
        bootstrapped: as ``by_figure``.

    Raises:
        FormatError: a study has no such row or figure, or there is none that is read first.
    """
    named = list(rows) or [
        row
        for row, about in next(iter(studies.values())).rows.items()
        if about.terms and all(row in own.rows for own in studies.values())
    ]
    cells = {}
    for name, studied in studies.items():
        _rows(studied, named)
        key = _key(studied, figure) if figure else _first(name, studied)
        units = studied.summary.labelled.get("action_units", 0)
        label = f"{name}: {units:,} AU pictures, {key_name(studied, key)}"
        cells[label] = [_cell(studied.by_place.get((row, key)), side, bootstrapped) for row in named]
    return _table("study", named, cells)


def _first(name: str, studied: Studied) -> Key:
    found = answer.first_measure(studied, answer.primary(studied) or "")
    if not found:
        raise FormatError(f"{name}: nothing that is read first; name a figure")
    return found[0].key


def _key(studied: Studied, name: str) -> Key:
    known = {column_of(key): key for key in studied.keys}
    if name not in known:
        raise FormatError(f"{studied.folder} has no figure {name}: expected one of {', '.join(known)}")
    return known[name]


def _rows(studied: Studied, rows: Sequence[str]) -> list[str]:
    if unknown := [row for row in rows if row not in studied.rows]:
        raise FormatError(f"{studied.folder} has no rows {', '.join(unknown)}: it has {', '.join(studied.rows)}")
    return list(rows) or list(studied.rows)


def _cell(figure: Figure | Detail | None, side: str, bootstrapped: bool) -> str:
    if figure is None:
        return ""
    if side == MEANS:
        return f"{figure.mean:.3f}" + ("" if figure.sd is None else f" ± {figure.sd:.3f}")
    difference = getattr(figure, side)
    difference = difference.bootstrapped if difference and bootstrapped else difference
    return f"{verdict(difference).mark} {interval(difference)}" if difference else ""


def _table(corner: str, head: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """Without the rows that have nothing to say."""
    lines = [[corner, *head], ["---"] * (1 + len(head))]
    lines += [[name, *cells] for name, cells in rows.items() if any(cells)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

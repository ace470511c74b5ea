"""AU by AU and expression by expression: what each row reaches, and how it differs, with intervals."""

from collections.abc import Iterator, Sequence

import streamlit as st

from fbn.studies.read import Studied
from fbn.studies.records import Detail, in_order
from fbn.studies.words import SIDE_HELP, SIDES, row_name, set_name
from fbn.ui import charts
from fbn.ui.study import charts as study_charts
from fbn.ui.study import marks
from fbn.ui.study.charts import Line
from fbn.ui.study.parts import pick_rows
from fbn.vocabulary import ACTION_UNITS

_UNITS = {unit.short: unit for unit in ACTION_UNITS}
_UNIT_HELP = (
    "F1 of each action unit that is active in at least three of the measured pictures, mean over seeds. "
    "*: no expression of the coupled rows' tables has it, so no loss couples it."
)
_RECALL_HELP = "Of the pictures of each expression, the share that is named so; mean over seeds."
_VALUES = "values"
_SHOW = {_VALUES: "Values", **{side: f"Against {words}" for side, words in SIDES.items()}}
_DIFFERENCE_HELP = (
    "Differences are paired by seed; bars are Student's 95 % intervals over seeds. Of twenty such intervals one misses "
    "0 by chance, and here are many. Pictures are not drawn anew for them."
)
_OLD = (
    "This study's table has means alone. A study that is run from version 0.6 on also tells how each AU and expression "
    "differs, with its interval; where a folder still has its runs, the same command again writes that at once."
)
_ALONE = "No row of this study is held against another."


def detail_view(studied: Studied) -> None:
    """AU by AU and expression by expression."""
    kinds = {
        "f1": ("Action units", _UNIT_HELP, "F1"),
        "recall": ("Expressions", _RECALL_HELP, "recall"),
    }
    found = [figure for figure in kinds if any(each.figure == figure for each in studied.details)]
    figure = st.segmented_control(
        "Look at",
        found,
        default=found[0],
        required=True,
        format_func=lambda name: kinds[name][0],
        key="study detail",
    )
    figure = figure or found[0]
    title, words, axis = kinds[figure]
    details = [each for each in studied.details if each.figure == figure and not each.filtered]
    sets = list(dict.fromkeys(each.set for each in details))
    left, right = st.columns([2, 5])
    with left:
        name = st.selectbox(
            "Set",
            sets,
            format_func=lambda each: set_name(each) + ("" if studied.trained_on(each) else " (unseen)"),
            key=f"study detail set {figure}",
        )
    details = [each for each in details if each.set == name]
    with right:
        rows = pick_rows(studied, [each.row for each in details], f"study detail rows {studied.folder}")
    show = _pick_show(details)
    st.markdown(
        f"**{title} one by one, {set_name(name)}**", help=words if show == _VALUES else f"{words} {_DIFFERENCE_HELP}"
    )
    picked = [each for each in details if each.row in rows]
    if not picked:
        st.caption("Pick a row.")
    elif show == _VALUES:
        _dots(studied, picked, rows, axis)
    else:
        _differences(studied, picked, rows, show)


def _pick_show(details: Sequence[Detail]) -> str:
    """What is drawn: ``_VALUES``, or differences against a key of ``SIDES``, as far as the study tells them."""
    there = [side for side in SIDES if any(getattr(each, side) for each in details)]
    if not there:
        st.caption(_ALONE if any(each.told for each in details) else _OLD)
        return _VALUES
    shown = st.segmented_control(
        "Show",
        [_VALUES, *there],
        default=_VALUES,
        required=True,
        format_func=_SHOW.__getitem__,
        key=f"study detail show {len(there)}",
        help=SIDE_HELP,
    )
    return shown or _VALUES


def _dots(studied: Studied, details: Sequence[Detail], rows: Sequence[str], axis: str) -> None:
    series: dict[str, dict[str, float]] = {row_name(row): {} for row in rows}
    for each, label in _labelled(studied, details, rows):
        series[row_name(each.row)][label] = each.mean
    said = f"Dot plot, {axis}: a colour for each row of {', '.join(series)}."
    st.plotly_chart(study_charts.dots(series, axis), config=charts.CONFIG, key="study details", alt=said)


def _differences(studied: Studied, details: Sequence[Detail], rows: Sequence[str], side: str) -> None:
    lines: dict[str, list[Line]] = {row: [] for row in rows}
    for each, label in _labelled(studied, details, rows):
        if difference := getattr(each, side):
            lines[each.row].append(Line(label, difference, hover=f"{each.mean:.3f}"))
    shown = {row: own for row, own in lines.items() if own}
    if not shown:
        st.caption(f"None of these rows has a difference against {SIDES[side]}.")
        return
    st.html(marks.legend(seeds=False))
    span = study_charts.span_of(line for own in shown.values() for line in own)
    for start in range(0, len(shown), 2):
        for column, row in zip(
            st.columns(min(2, len(shown)), gap="large"), list(shown)[start : start + 2], strict=False
        ):
            with column:
                st.markdown(f"**{row_name(row)}**")
                chart = study_charts.forest({"": shown[row]}, f"difference against {SIDES[side]}", span)
                said = f"{row_name(row)}: differences against {SIDES[side]} with 95 % intervals."
                st.plotly_chart(chart, config=charts.CONFIG, key=f"study detail forest {row} {side}", alt=said)


def _labelled(studied: Studied, details: Sequence[Detail], rows: Sequence[str]) -> Iterator[tuple[Detail, str]]:
    """AUs in FACS' order, then expressions; AUs that no coupling speaks of have a star."""
    tables = [studied.summary.tables[row] for row in rows if row in studied.summary.tables]
    coupled = {unit for table in tables for cells in table.get("rows", {}).values() for unit in cells}
    for each in in_order(details):
        label = each.name.capitalize()
        if each.name in _UNITS:
            outside = bool(tables) and _UNITS[each.name].code not in coupled
            label = f"{each.name} {_UNITS[each.name].name}" + ("*" if outside else "")
        yield each, label

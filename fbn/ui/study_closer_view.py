"""Closer looks: AU by AU, expression by expression, raw against filtered video, losses along the training."""

from collections.abc import Sequence

import streamlit as st

from fbn.training.study.rows import ROWS, SINGLE, UNCOUPLED
from fbn.ui import charts, study_charts
from fbn.ui import study_answer as answer
from fbn.ui.study_charts import MOST_SERIES
from fbn.ui.study_read import Detail, Studied
from fbn.ui.study_words import METRICS, TERMS, begun, row_name, set_name
from fbn.vocabulary import ACTION_UNITS

_UNITS = {unit.short: unit for unit in ACTION_UNITS}
_UNIT_HELP = (
    "F1 of each action unit that is active in at least three of the measured pictures, mean over seeds. "
    "*: no expression of the coupled rows' tables has it, so no loss couples it."
)
_RECALL_HELP = "Of the pictures of each expression, the share that is named so; mean over seeds."
_VIDEO_HELP = "Filtered: each frame's reading is replaced by the median of five frames. No network is trained anew."
_CURVE_HELP = (
    "Each point is the mean over a part of the training and over seeds, before it is weighted. A row has curves of the "
    "losses that it is trained by; couplings that begin late have a gap."
)


def detail_view(studied: Studied) -> None:
    """AU by AU and expression by expression."""
    kinds = {
        "f1": ("Action units", _UNIT_HELP, "F1"),
        "recall": ("Expressions", _RECALL_HELP, "recall"),
    }
    found = [figure for figure in kinds if any(each.figure == figure for each in studied.details)]
    if not found:
        st.info("This study kept neither AUs nor expressions apart.", icon=":material/info:")
        return
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
        rows = _rows(studied, [each.row for each in details], f"study detail rows {studied.folder}")
    st.markdown(f"**{title} one by one, {set_name(name)}**", help=words)
    _dots(studied, [each for each in details if each.row in rows], rows, axis)


def _rows(studied: Studied, there: Sequence[str], key: str) -> list[str]:
    """Which rows are drawn: what others are held against, then the papers' best, unless others are picked."""
    known = [name for name in studied.rows if name in set(there)]
    first = answer.primary(studied)
    wanted = dict.fromkeys((UNCOUPLED, SINGLE, ROWS[first].against if first in ROWS else None, first))
    usual = [name for name in wanted if name in known]
    picked = st.multiselect(
        "Rows",
        known,
        usual or known[:2],
        format_func=row_name,
        max_selections=MOST_SERIES,
        key=key,
        help=f"At most {MOST_SERIES}: more cannot be told apart.",
    )
    return [name for name in (UNCOUPLED, SINGLE) if name in picked] + [
        name for name in picked if name not in (UNCOUPLED, SINGLE)
    ]


def _dots(studied: Studied, details: Sequence[Detail], rows: Sequence[str], axis: str) -> None:
    if not details:
        st.caption("Pick a row.")
        return
    tables = [studied.summary.tables[row] for row in rows if row in studied.summary.tables]
    coupled = {unit for table in tables for cells in table.get("rows", {}).values() for unit in cells}
    order = [*_UNITS, *dict.fromkeys(each.name for each in details)]
    series: dict[str, dict[str, float]] = {row_name(row): {} for row in rows}
    for each in sorted(details, key=lambda each: order.index(each.name)):
        label = each.name.capitalize()
        if each.name in _UNITS:
            outside = bool(tables) and _UNITS[each.name].code not in coupled
            label = f"{each.name} {_UNITS[each.name].name}" + ("*" if outside else "")
        series[row_name(each.row)][label] = each.mean
    st.plotly_chart(study_charts.dots(series, axis), config=charts.CONFIG, key="study details")


def video_view(studied: Studied) -> None:
    """Raw against median-filtered readings of video."""
    keys = [key for key in studied.keys if key[2]]
    if not keys:
        st.info("This study has no video.", icon=":material/videocam_off:")
        return
    left, right = st.columns([2, 5])
    with left:
        key = st.selectbox(
            "Figure", keys, format_func=lambda k: f"{set_name(k[0])} · {METRICS[k[1]]}", key="study film"
        )
    there = [figure.row for figure in studied.summary.figures if figure.key == key]
    with right:
        known = [name for name in studied.rows if name in there]
        groups = list(dict.fromkeys(studied.rows[name].group for name in known))
        usual = [name for name in known if studied.rows[name].group in ("tasks", "coupling")]
        rows = st.multiselect(
            "Rows", known, usual or known, format_func=row_name, key=f"study film rows {studied.folder} {len(groups)}"
        )
    st.markdown(f"**{begun(METRICS[key[1]])}, raw and filtered**", help=_VIDEO_HELP)
    if not rows:
        st.caption("Pick a row.")
        return
    series = {
        name: {
            row_name(row): figure.mean for row in rows if (figure := studied.by_place.get((row, (*key[:2], filtered))))
        }
        for name, filtered in (("raw", False), ("filtered", True))
    }
    st.plotly_chart(study_charts.dots(series, METRICS[key[1]]), config=charts.CONFIG, key="study video plot")


def curves_view(studied: Studied) -> None:
    """Losses along the training."""
    curves = studied.curves
    terms = list(dict.fromkeys(term for own in curves.values() for term in own))
    if not terms:
        st.info("This study kept no training curves.", icon=":material/info:")
        return
    left, right = st.columns([2, 5])
    with left:
        term = st.selectbox("Loss", terms, format_func=lambda name: TERMS.get(name, name), key="study term")
    there = [row for row, own in curves.items() if any(value is not None for value in own.get(term, []))]
    with right:
        rows = _rows(studied, there, f"study curve rows {studied.folder} {term}")
    st.markdown(f"**{TERMS.get(term, term)} along the training**", help=_CURVE_HELP)
    series = {row_name(row): curves[row][term] for row in rows}
    if not series:
        st.caption("Pick a row.")
        return
    st.plotly_chart(study_charts.curves(series, "mean loss"), config=charts.CONFIG, key="study curves")

"""Closer looks: raw against filtered video, losses along the training."""

import streamlit as st

from fbn.studies.read import Studied
from fbn.studies.words import METRICS, TERMS, begun, row_name, set_name
from fbn.ui import charts
from fbn.ui.study import charts as study_charts
from fbn.ui.study.parts import pick_rows

_VIDEO_HELP = "Filtered: each frame's reading is replaced by the median of five frames. No network is trained anew."
_CURVE_HELP = (
    "Each point is the mean over a part of the training and over seeds, before it is weighted. A row has curves of the "
    "losses that it is trained by; couplings that begin late have a gap."
)


def video_view(studied: Studied) -> None:
    """Raw against median-filtered readings of video."""
    keys = [key for key in studied.keys if key[2]]
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
    chart, said = study_charts.dots(series, METRICS[key[1]]), f"{METRICS[key[1]]} of each row, raw and filtered."
    st.plotly_chart(chart, config=charts.CONFIG, key="study video plot", alt=said)


def curves_view(studied: Studied) -> None:
    """Losses along the training."""
    curves, terms = studied.curves, studied.terms
    left, right = st.columns([2, 5])
    with left:
        term = st.selectbox("Loss", terms, format_func=lambda name: TERMS.get(name, name), key="study term")
    there = [row for row, own in curves.items() if any(value is not None for value in own.get(term, []))]
    with right:
        rows = pick_rows(studied, there, f"study curve rows {studied.folder} {term}")
    st.markdown(f"**{TERMS.get(term, term)} along the training**", help=_CURVE_HELP)
    series = {row_name(row): curves[row][term] for row in rows}
    if not series:
        st.caption("Pick a row.")
        return
    chart, said = study_charts.curves(series, "mean loss"), f"{TERMS.get(term, term)} by step, a line for each row."
    st.plotly_chart(chart, config=charts.CONFIG, key="study curves", alt=said)

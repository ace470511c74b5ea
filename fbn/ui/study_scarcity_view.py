"""How scarce must labels be: what couplings gain, by how many pictures have AU labels."""

import streamlit as st

from fbn.ui import charts, study_charts, study_scarcity
from fbn.ui.study_charts import MOST_SERIES
from fbn.ui.study_parts import INTERVAL_HELP, pick_side
from fbn.ui.study_read import Studied
from fbn.ui.study_state import choices
from fbn.ui.study_words import METRIC_HELP, SIDES, key_name, row_name

_USUAL = ("co", "both")


def scarcity_view(studied: Studied) -> None:
    """The open study beside those that differ from it by the number of AU labels alone."""
    studies = study_scarcity.alike(studied, (choice.folder for choice in choices().values()))
    rows, keys = study_scarcity.shared(studies)
    if len(studies) < 2 or not rows:
        st.info(
            "Only this study of its kind is here. Run the same with another number of AU pictures to see a curve.",
            icon=":material/stairs:",
        )
        return
    left, right = st.columns([2, 3])
    with left:
        key = st.selectbox(
            "Figure", keys, format_func=lambda k: key_name(studied, k), key="study rung figure", help=METRIC_HELP
        )
    with right:
        picked = st.multiselect(
            "Rows",
            rows,
            [row for row in rows if row in _USUAL] or rows[:2],
            format_func=row_name,
            max_selections=MOST_SERIES,
            key="study rung rows",
            help=f"Rows that several of these studies have; at most {MOST_SERIES}.",
        )
    side = pick_side("study rung side")
    found = study_scarcity.ladder(studies, picked, key, side)
    st.markdown(
        f"**{key_name(studied, key)}: difference against {SIDES[side]}, by pictures with AU labels**",
        help=INTERVAL_HELP,
    )
    if not found:
        st.caption("Pick a row." if not picked else f"None of these rows has a difference against {SIDES[side]}.")
        return
    drawn = {row_name(row): steps for row, steps in found.items()}
    st.plotly_chart(
        study_charts.ladder(drawn, "pictures with AU labels (log scale)", f"difference against {SIDES[side]}"),
        config=charts.CONFIG,
        key="study rungs",
        alt=f"Differences against {SIDES[side]} by number of labelled pictures, with 95 % intervals.",
    )
    st.caption("Above 0 the coupling gains. Bars: 95 % intervals; rows stand side by side so that all can be seen.")

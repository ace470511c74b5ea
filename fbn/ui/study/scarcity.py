"""How scarce must labels be: what couplings gain, by how many pictures have AU labels."""

import streamlit as st

from fbn.studies import scarcity
from fbn.studies.read import Studied
from fbn.studies.records import Key
from fbn.studies.words import METRIC_HELP, SIDES, key_name, row_name
from fbn.ui import charts
from fbn.ui.study import charts as study_charts
from fbn.ui.study.charts import MOST_SERIES
from fbn.ui.study.parts import INTERVAL_HELP, pick_side
from fbn.ui.study.state import choices

_USUAL = ("co", "both")


def has_scarcity(studied: Studied) -> bool:
    """Whether other studies are here that differ from it by the number of AU labels alone."""
    studies, rows, _ = _shared(studied)
    return len(studies) > 1 and bool(rows)


def _shared(studied: Studied) -> tuple[list[Studied], list[str], list[Key]]:
    studies = scarcity.alike(studied, (choice.folder for choice in choices().values()))
    return studies, *scarcity.shared(studies)


def scarcity_view(studied: Studied) -> None:
    """The open study beside those that differ from it by the number of AU labels alone."""
    studies, rows, keys = _shared(studied)
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
    found = scarcity.ladder(studies, picked, key, side)
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

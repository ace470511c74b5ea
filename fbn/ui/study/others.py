"""A study beside others: those with fewer or more AU labels, and the papers."""

import streamlit as st

from fbn.studies import beside
from fbn.studies.affect_arms import UNCOUPLED
from fbn.studies.labels import METRIC_HELP, SIDES, TASKS
from fbn.studies.read import StudyResult, note_section
from fbn.ui.study import charts
from fbn.ui.study.charts import MOST_SERIES
from fbn.ui.study.parts import INTERVAL_HELP, legend, note, pick_side, plot
from fbn.ui.study.state import choices

_PAPERS = (
    "Paper A: Kollias et al., Distribution Matching for Heterogeneous Multi-Task Learning, Tables III and V (residual "
    "network). Paper C: Kollias et al., Face Behavior à la carte, Table 2 (VGG-FACE). Other faces, far larger sets and "
    "networks: directions can be compared, sizes cannot. Where A's Table III holds unfiltered figures against "
    "filtered, Table V's stand. Same direction: yes or no where our interval leaves out 0; the papers give none, "
    "there a difference counts from 0.005."
)


def _ladder(result: StudyResult) -> list[StudyResult]:
    return beside.alike(result, beside.read_all(choice.folder for choice in choices().values()))


def has_scarcity(result: StudyResult) -> bool:
    """Whether other studies are here that differ from it by the number of AU labels alone."""
    results = _ladder(result)
    return len(results) > 1 and bool(beside.common_arms(results, 2))


def scarcity_view(result: StudyResult) -> None:
    """The study beside those that differ from it by the number of AU labels alone."""
    results = _ladder(result)
    labels = beside.common_arms(results, 2)
    first = result.first_keys(next(iter(result.main_arms), ""))
    left, right = st.columns([2, 3])
    key = left.selectbox(
        "Figure",
        sorted(result.measures.index, key=lambda own: own not in first),
        format_func=result.measure,
        key="study rung figure",
        help=METRIC_HELP,
    )
    picked = right.multiselect(
        "Arms",
        list(labels),
        [arm for arm in labels if arm in ("co", "both")] or list(labels)[:2],
        format_func=labels.__getitem__,
        max_selections=MOST_SERIES,
        key="study rung rows",
        help=f"Arms that several of these studies have; at most {MOST_SERIES}.",
    )
    side = pick_side("study rung side")
    axis = f"difference from {SIDES[side]}"
    name = result.measure(str(key))
    st.markdown(f"**{name}: {axis}, by pictures with AU labels**", help=INTERVAL_HELP)
    found = beside.by_unit_labels(results, picked, str(key), side)
    if found.empty:
        st.caption("Pick an arm." if not picked else f"None of these arms is compared with {SIDES[side]}.")
        return
    series = found["arm"].map(labels)
    pictures = found["pictures"].map(lambda count: f"{count:,}")
    hover = (
        series + ", " + pictures + " pictures<br>" + found["interval"] + ", " + found["seeds"].astype(str) + " seeds"
    )
    plot(charts.by_pictures(found.assign(series=series, hover=hover), axis), "rungs", f"{name}: {axis}, by labels.")
    st.caption("Above 0 the coupling gains. Bars: 95 % intervals; arms stand side by side so that all can be seen.")


def papers_view(result: StudyResult) -> None:
    """The papers' claims as the note has them, and direction by direction beside the papers' tables."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        compared_arms = st.selectbox(
            "What is compared",
            beside.offered(result),
            format_func=lambda own: own.title,
            key="study compared",
            width=420,
        )
        table = st.segmented_control(
            "Coupled by",
            list(beside.COUPLED_BY),
            default="du2014",
            required=True,
            format_func=beside.COUPLED_BY.__getitem__,
            key="study paper table",
            help="The papers' second table was counted on Aff-Wild2; here it is one that was counted on the training "
            "pictures, else theirs.",
            disabled=compared_arms.row == UNCOUPLED,
        )
    found = beside.beside_papers(result, compared_arms, table or "du2014")
    if found["difference"].isna().all():
        st.info("This study has no such arm; the papers' figures stand alone.", icon=":material/info:")
    st.markdown(f"**{compared_arms.title}: the papers and this study**", help=f"{METRIC_HELP} {INTERVAL_HELP}")
    columns = {
        "task": "Task",
        "label": "Figure",
        "A": "Paper A",
        "C": "Paper C",
        "here": "Here",
        "same": "Same direction",
    }
    here = found["mark"].fillna("") + " " + found["interval"].fillna("")
    shown = found.assign(here=here, task=found["task"].map(TASKS))[list(columns)].rename(columns=columns)
    number = st.column_config.NumberColumn(format="%+.2f")
    papers = {"Paper A": number, "Paper C": number}
    st.dataframe(shown, hide_index=True, column_config=papers, placeholder="–", alt="The papers and this study")
    legend([f"paper {paper}" for paper in beside.PAPERS])
    hover = found["label"] + ": " + found["interval"].fillna("")
    drawn = found.assign(hover=hover, heading=found["task"].map(TASKS)).rename(columns={"A": "paper A", "C": "paper C"})
    chart = charts.forest(drawn, "difference", heading="heading", marks=("paper A", "paper C"))
    plot(chart, f"papers {compared_arms.title} {table}", f"{compared_arms.title}: this study beside the papers.")
    st.caption(_PAPERS)
    if text := note_section(result.folder, "The papers' claims"):
        st.subheader("What was found on the papers' claims")
        note(text, "claims")

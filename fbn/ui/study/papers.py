"""The papers beside a study, direction by direction."""

import streamlit as st

from fbn.studies import papers as study_papers
from fbn.studies.affect_arms import UNCOUPLED
from fbn.studies.papers import TABLES, offered
from fbn.studies.read import Studied
from fbn.studies.records import TASKS
from fbn.studies.words import METRIC_HELP, begun, interval, row_name
from fbn.ui import charts
from fbn.ui.study import charts as study_charts
from fbn.ui.study import marks as study_marks
from fbn.ui.study.charts import Line
from fbn.ui.study.parts import INTERVAL_HELP


def papers_view(studied: Studied) -> None:
    """Direction by direction beside the papers' tables."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        compared = st.selectbox(
            "What is compared", offered(studied), format_func=lambda c: c.title, key="study compared", width=340
        )
        table = st.segmented_control(
            "Coupled by",
            list(TABLES),
            default="du2014",
            required=True,
            format_func=lambda name: begun(TABLES[name]),
            key="study paper table",
            help="The papers' second table was counted on Aff-Wild2; here it is one that was counted on the training "
            "pictures, else theirs.",
            disabled=compared.row == UNCOUPLED,
        )
    found = study_papers.lines(studied, compared, table or "du2014")
    row = study_papers.here(studied, compared, table or "du2014")
    if not any(line.here for line in found):
        st.info("This study has no such rows; the papers' figures stand alone.", icon=":material/info:")
    st.markdown(
        "**On how many figures it goes up ▲, down ▼, or neither ○**",
        help="Each counts its own figures: here also metrics that the papers do not tell, such as ROC area. Video "
        "counts once, median-filtered. Here ○ means that the interval holds 0; the papers give no intervals, there it "
        "means no difference to two places.",
    )
    st.html(study_marks.directions(study_papers.directions(found)))
    st.markdown("**Figure by figure**", help=f"{METRIC_HELP} {INTERVAL_HELP}")
    blocks = {
        words: [
            Line(
                line.name,
                line.here,
                marks={f"paper {paper}": value for paper, value in line.papers.items()},
                hover=f"row {row_name(row or '')}" + (f": {interval(line.here)}" if line.here else ""),
            )
            for line in found
            if line.task == task
        ]
        for task, words in TASKS.items()
    }
    st.html(study_marks.legend([f"paper {paper}" for paper in study_papers.PAPERS]))
    st.plotly_chart(
        study_charts.forest(blocks, compared.title),
        config=charts.CONFIG,
        key=f"study papers {compared} {table}",
        alt=f"{compared.title}: this study beside the papers, with 95 % intervals.",
    )
    st.caption(
        "Paper A: Kollias et al., distribution matching, Tables III and V (residual network). Paper C: Kollias et al., "
        "Face Behavior à la carte, Table 2 (VGG-FACE). Other faces, far larger sets and networks: directions can be "
        "compared, sizes cannot. Where A's Table III holds unfiltered figures against filtered, Table V's stand."
    )

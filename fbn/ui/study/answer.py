"""The answer first: in words, claim by claim, then one row's differences on every figure."""

import streamlit as st

from fbn.studies import answer
from fbn.studies.affect_arms import SINGLE
from fbn.studies.read import Studied
from fbn.studies.records import TASKS, Figure
from fbn.studies.words import METRIC_HELP, METRICS, SIDES, key_name, row_name, set_name, signed
from fbn.ui import charts
from fbn.ui.relatedness.draft import plain
from fbn.ui.study import charts as study_charts
from fbn.ui.study import marks
from fbn.ui.study.charts import Line
from fbn.ui.study.parts import INTERVAL_HELP, line_of, pick_side

_SMOKE = "A smoke study: a few steps on a few faces, to see that all works. Its figures mean nothing."

_CLAIMS = (
    "Paper A: Kollias et al., Distribution Matching for Heterogeneous Multi-Task Learning; paper C: the same, "
    "Face Behavior à la carte. A claim holds if every interval that it speaks of lies above 0, in part if some do; it "
    "does not hold if none does and some lie below; else it cannot be told."
)


def answer_view(studied: Studied) -> None:
    """The question, the answer, the claims, and one row's differences on every figure."""
    st.subheader(answer.QUESTION)
    if studied.summary.study.get("budget") == "smoke":
        st.warning(_SMOKE, icon=":material/info:")
    coupled = [name for name, row in studied.rows.items() if row.terms]
    if not coupled:
        st.info("No row of this study couples anything: there is no answer in it.", icon=":material/info:")
        return
    asked = answer.primaries(studied)
    firsts = [
        (_first_name(studied, row, figure, len(asked)), signed(figure.uncoupled.difference), _spread(figure))
        for row in asked
        for figure in answer.first_measure(studied, row)
        if figure.uncoupled
    ]
    if firsts:
        names = f"**{row_name(asked[0])}** ({plain(studied.rows[asked[0]].words)})"
        st.markdown(f"#### {answer.headline(studied, asked)}")
        st.markdown(
            f"AU F1 of {names if len(asked) == 1 else 'each architecture coupled by both'} minus no coupling:",
            help="What the plan reads first: F1, its mean over action units and over the sets that have them. "
            + INTERVAL_HELP,
        )
        st.html(marks.firsts(firsts))
    for row in asked:
        st.markdown(answer.sentence(studied, row, "uncoupled"))
    st.html(marks.claims(answer.claims(studied)))
    st.caption(_CLAIMS)
    st.markdown("**Every figure of one row**", help=f"{INTERVAL_HELP} {METRIC_HELP}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        row = st.selectbox(
            "Row",
            [name for name in studied.rows if name != SINGLE],
            format_func=lambda name: f"{row_name(name)}: {studied.rows[name].words}",
            index=[name for name in studied.rows if name != SINGLE].index(asked[0]),
            key=f"study row {studied.folder}",
            width=420,
        )
        side = pick_side("study answer side")
    if row not in asked or side != "uncoupled":
        st.markdown(answer.sentence(studied, row, side))
    blocks = _by_task(studied, row, side)
    if blocks:
        st.html(marks.legend())
        axis = f"{row_name(row)} − {SIDES[side]}"
        chart, said = study_charts.forest(blocks, axis), f"{axis}: differences of every figure with 95 % intervals."
        st.plotly_chart(chart, config=charts.CONFIG, key="study forest of a row", alt=said)


def _first_name(studied: Studied, row: str, figure: Figure, rows: int) -> str:
    name = key_name(studied, figure.key, short=True)
    return name if rows == 1 else f"{row_name(row)}, {name}"


def _spread(figure: Figure) -> str:
    if figure.uncoupled is None or figure.uncoupled.low is None or figure.uncoupled.high is None:
        return "one seed"
    return f"95 % {signed(figure.uncoupled.low)} to {signed(figure.uncoupled.high)}, {figure.uncoupled.seeds} seeds"


def _by_task(studied: Studied, row: str, side: str) -> dict[str, list[Line]]:
    """One row's lines, task by task, sets never trained on apart."""
    blocks: dict[str, list[Line]] = {}
    for figure in studied.of_row(row, None):
        if getattr(figure, side) is None:
            continue
        heading = TASKS[figure.task] + ("" if studied.trained_on(figure.set) else ", labels not trained on")
        label = f"{set_name(figure.set)} · {METRICS[figure.figure]}" + (", filtered" if figure.filtered else "")
        blocks.setdefault(heading, []).append(line_of(studied, figure, side, label))
    return blocks

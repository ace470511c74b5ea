"""Every row by every figure, filtered; a forest plot for each figure."""

import streamlit as st

from fbn.studies.read import Studied
from fbn.studies.records import Key
from fbn.studies.words import GROUPS, METRIC_HELP, METRICS, SIDES, key_name, row_name, set_name
from fbn.ui import charts
from fbn.ui.study import charts as study_charts
from fbn.ui.study import marks
from fbn.ui.study.charts import Line
from fbn.ui.study.parts import INTERVAL_HELP, line_of, pick_side

_CHARTS = 6


def figures_view(studied: Studied) -> None:
    """Rows by figures, filtered; a forest plot for each figure."""
    names, keys, side = _filters(studied)
    if not names or not keys:
        st.info("Nothing is left: take a filter away.", icon=":material/filter_alt_off:")
        return
    st.markdown(
        f"**Mean ± standard deviation over seeds, and the difference against {SIDES[side]}**",
        help=f"{METRIC_HELP} {INTERVAL_HELP}",
    )
    st.html(marks.rows(studied, names, keys, side))
    st.caption("Tinted: the 95 % interval leaves out 0. Point at a cell or a row's name for more.")
    st.html(marks.legend())
    shown = keys if st.session_state.get("study all charts") else keys[:_CHARTS]
    lines = {key: _lines(studied, names, key, side) for key in shown}
    span = study_charts.span_of(line for own in lines.values() for line in own)
    for start in range(0, len(shown), 2):
        for column, key in zip(st.columns(2, gap="large"), shown[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{key_name(studied, key)}**")
                if not lines[key]:
                    st.caption(f"None of these rows has a difference against {SIDES[side]}.")
                    continue
                chart = study_charts.forest({"": lines[key]}, f"difference against {SIDES[side]}", span)
                said = f"{key_name(studied, key)}: differences against {SIDES[side]} with 95 % intervals."
                st.plotly_chart(chart, config=charts.CONFIG, key=f"study forest {key} {side}", alt=said)
    if len(shown) < len(keys):
        st.button(
            f"Show the other {len(keys) - len(shown)} plots",
            icon=":material/expand_more:",
            on_click=lambda: st.session_state.update({"study all charts": True}),
        )


def _filters(studied: Studied) -> tuple[list[str], list[Key], str]:
    groups = list(dict.fromkeys(row.group for row in studied.rows.values()))
    first = ("tasks", "architecture" if studied.of_architectures else "coupling")
    usual = [group for group in first if group in groups] or groups
    picked = st.pills(
        "Groups of rows",
        groups,
        selection_mode="multi",
        default=usual,
        format_func=lambda group: GROUPS.get(group, group),
        key=f"study groups {studied.folder}",
    )
    grouped = [name for name, row in studied.rows.items() if row.group in picked]
    left, middle, right = st.columns(3)
    rows = left.multiselect(
        "Rows", grouped, format_func=row_name, placeholder="All of these groups", key=f"study rows {studied.folder}"
    )
    sets = list(dict.fromkeys(key[0] for key in studied.keys))
    some_sets = middle.multiselect(
        "Sets",
        sets,
        format_func=lambda name: set_name(name) + ("" if studied.trained_on(name) else " (unseen)"),
        placeholder="All",
        key=f"study sets {studied.folder}",
        help="Unseen: no such labels were trained on.",
    )
    figures = list(dict.fromkeys(key[1] for key in studied.keys))
    some = right.multiselect(
        "Figures",
        figures,
        format_func=METRICS.__getitem__,
        placeholder="All",
        key=f"study figures {studied.folder}",
        help=METRIC_HELP,
    )
    keys = [key for key in studied.keys if key[0] in (some_sets or sets) and key[1] in (some or figures)]
    with st.container(horizontal=True, gap="large"):
        side = pick_side("study figures side")
        if video := {key[0] for key in keys if key[2]}:
            shown = st.segmented_control(
                "Video",
                ["Raw", "Filtered", "Both"],
                default="Raw",
                required=True,
                key="study video",
                help="Filtered: each frame's reading is replaced by the median of five frames, as the papers do.",
            )
            keys = [key for key in keys if shown == "Both" or key[0] not in video or key[2] == (shown == "Filtered")]
    return rows or grouped, keys, side


def _lines(studied: Studied, names: list[str], key: Key, side: str) -> list[Line]:
    figures = [figure for name in names if (figure := studied.by_place.get((name, key)))]
    return [line_of(studied, figure, side, row_name(figure.row)) for figure in figures if getattr(figure, side)]

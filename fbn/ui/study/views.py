"""Views of one study's data: all metrics, single AUs, expressions or attributes, video, training."""

from functools import partial

import pandas as pd
import streamlit as st

from fbn.studies.display import Details
from fbn.studies.frames import arms_by_figures, chances, detail_lines, difference_lines, with_differences, with_values
from fbn.studies.read import StudyResult
from fbn.ui.study import charts
from fbn.ui.study.charts import COLOURS
from fbn.ui.study.shared import ARM_HELP, INTERVAL_HELP, forest_plots, legend, pick_arms, pick_side, plot, sides_of
from fbn.ui.widgets import choose_one

#: Number of forest plots shown at first.
_MAX_PLOTS = 6
_DIFFERENCES, _VALUES = "Differences", "Values"
_DETAIL_DIFFERENCE_HELP = (
    "Differences are paired by seed; bars are Student's 95 % intervals over seeds. Of twenty such intervals one misses "
    "0 by chance, and here are many."
)
_OLD = (
    "This study's table has means alone. A study that is run from version 0.6 on also tells how each of these differs, "
    "with its interval; where a folder still has its runs, the same command again writes that at once."
)
_VIDEO_HELP = "Filtered: each frame's prediction is replaced by the median of five frames. No network is trained anew."
_CURVE_HELP = (
    "Each point is the mean over a part of the training and over seeds, before it is weighted. An arm has curves of "
    "the losses that it is trained by; couplings that begin late have a gap."
)


def figures_view(result: StudyResult) -> None:
    """Show a table of arms by metrics, with filters, and a forest plot for each metric."""
    arms, keys, side = _filters(result)
    if not arms or not keys:
        st.info("Nothing is left: take a filter away.", icon=":material/filter_alt_off:")
        return
    rows = result.figures[result.figures["arm"].isin(arms)]
    rows = rows[rows["key"].isin(keys)]
    lines = difference_lines(result, rows, side).assign(label=lambda frame: frame["arm"].map(result.arms["label"]))
    _metrics_table(result, rows, lines, keys, side)
    shown = keys if st.session_state.get("study all charts") else keys[:_MAX_PLOTS]
    legend(seeds=True)
    forest_plots(result, {result.measure(key): lines[lines["key"] == key] for key in shown}, side)
    if len(shown) < len(keys):
        st.button(
            f"Show the other {len(keys) - len(shown)} plots",
            icon=":material/expand_more:",
            on_click=lambda: st.session_state.update({"study all charts": True}),
        )


def _filters(result: StudyResult) -> tuple[list[str], list[str], str]:
    arms, measures = result.arms, result.measures
    groups = list(dict.fromkeys(arms["group"]))
    first = {"tasks", "coupling", *arms.loc[result.main_arms, "group"]}
    picked = st.pills(
        "Groups of arms",
        groups,
        selection_mode="multi",
        default=[group for group in first if group in groups] or groups,
        format_func=lambda group: result.display.groups.get(group, group.capitalize()),
        key=f"study groups {result.folder}",
    )
    grouped = list(arms.index[arms["group"].isin(picked)])
    left, middle, right = st.columns(3)
    some_arms = left.multiselect(
        "Arms",
        grouped,
        format_func=result.label,
        placeholder="All of these groups",
        key=f"study rows {result.folder}",
        help=ARM_HELP,
    )
    some_sets = middle.multiselect(
        "Sets",
        list(measures["set"].unique()),
        format_func=partial(_set_name, result),
        placeholder="All",
        key=f"study sets {result.folder}",
        help="Unseen: no such labels were trained on." if result.display.marks_unseen else None,
    )
    some = right.multiselect(
        "Figures",
        list(measures["figure"].unique()),
        format_func=result.display.metric,
        placeholder="All",
        key=f"study figures {result.folder}",
        help=result.display.help or None,
    )
    remaining = measures[measures["set"].isin(some_sets or measures["set"])]
    remaining = remaining[remaining["figure"].isin(some or remaining["figure"])]
    with st.container(horizontal=True, gap="medium"):
        side = pick_side(result, "study figures side")
        choose_one("Table of", [_DIFFERENCES, _VALUES], "study figures shown")
        video = remaining["set"].isin(remaining["set"][remaining["filtered"]])
        if video.any():
            shown = choose_one("Video", ["Raw", "Filtered", "Both"], "study video", help=_VIDEO_HELP)
            if shown != "Both":
                remaining = remaining[~video | (remaining["filtered"] == (shown == "Filtered"))]
    return some_arms or grouped, list(remaining.index), side


def _metrics_table(result: StudyResult, rows: pd.DataFrame, lines: pd.DataFrame, keys: list[str], side: str) -> None:
    """Show arms by metrics: mean ± standard deviation, or the difference; coloured if its interval excludes 0."""
    other = result.display.against(side)
    st.markdown(f"**Every arm, and how it differs from {other}**", help=f"{result.display.help} {INTERVAL_HELP}")
    shown = st.session_state["study figures shown"]
    cells = with_values(rows) if shown == _VALUES else with_differences(lines)
    if cells.empty:
        st.caption(f"None of these arms is compared with {other}.")
        return
    numbers, texts = (arms_by_figures(result, cells, keys, values) for values in ("number", "text"))
    if shown == _VALUES:
        numbers.loc["Chance"] = chance = chances(rows, keys)
        texts.loc["Chance"] = [f"{value:.3f}" if value == value else "" for value in chance]
    verdicts = arms_by_figures(result, lines, keys, "verdict").reindex_like(numbers)
    table = numbers.style.apply(lambda _: verdicts.map(_tint), axis=None)
    # cells are displayed by their text and sorted by their number
    for arm in texts.index:
        for head in texts.columns:
            if isinstance(text := texts.loc[arm, head], str):
                table.format(text, subset=(arm, head))
    st.dataframe(table, placeholder="", alt="Arms by figures")
    st.caption(
        "Tinted: the 95 % interval leaves out 0. A click on a head sorts; the bar above the table has a search and CSV."
    )


def _tint(verdict: str) -> str:
    colour = COLOURS.get(verdict)
    return "" if colour in (None, COLOURS["cannot be told"]) else f"background-color: {colour}44"


def _set_name(result: StudyResult, name: str) -> str:
    unseen = result.display.marks_unseen and result.is_unseen(name)
    return result.display.set(name) + (" (unseen)" if unseen else "")


def details_of(result: StudyResult) -> dict[str, Details]:
    """Return the figures of single AUs, expressions, attributes and so on that the study has."""
    known, measured = result.display.details, result.details.loc[~result.details["filtered"], "figure"].unique()
    others = {name: Details(result.display.metric(name).capitalize(), result.display.metric(name)) for name in measured}
    return {name: known.get(name, others[name]) for name in [*known, *others] if name in others}


def detail_view(result: StudyResult) -> None:
    """Show the metric of each AU, expression or attribute for each arm, or its difference."""
    details, kinds = result.details[~result.details["filtered"]], details_of(result)
    figure = choose_one("Look at", {name: kind.title for name, kind in kinds.items()}, "study detail")
    title, axis = kinds[figure].title, kinds[figure].axis
    details = details[details["figure"] == figure]
    left, right = st.columns([2, 5])
    name = left.selectbox(
        "Set",
        list(details["set"].unique()),
        format_func=partial(_set_name, result),
        key=f"study detail set {figure}",
    )
    details = details[details["set"] == name]
    with right:
        arms = pick_arms(result, details["arm"], f"study detail rows {result.folder}")
    shown = _pick_shown(result, details)
    more = "" if shown == _VALUES else f" {_DETAIL_DIFFERENCE_HELP}"
    st.markdown(f"**{title} one by one, {result.display.set(str(name))}**", help=kinds[figure].help + more)
    details = details[details["arm"].isin(arms)]
    if details.empty:
        st.caption("Pick an arm.")
        return
    details = detail_lines(result, details, arms)
    if shown == _VALUES:
        plot(
            charts.dot_plot(details.rename(columns={"mean": "value"}), axis),
            "details",
            f"{axis}, a colour for each arm.",
        )
        return
    lines = difference_lines(result, details, shown, seeds=False)
    available = [arm for arm in arms if arm in set(lines["arm"])]
    if lines.empty:
        st.caption(f"None of these arms is compared with {result.display.against(shown)}.")
        return
    legend()
    forest_plots(result, {result.label(arm): lines[lines["arm"] == arm] for arm in available}, shown)


def _pick_shown(result: StudyResult, details: pd.DataFrame) -> str:
    """Draw the choice of what to plot: ``_VALUES``, or one of the kinds of differences that the study has."""
    available = sides_of(result, details)
    if not available:
        is_old = result.details["sd"].isna().all() and result.seeds > 1
        st.caption(_OLD if is_old else "No arm of this study is compared with another.")
        return _VALUES
    titles = {_VALUES: _VALUES, **{side: f"Against {title}" for side, title in available.items()}}
    return choose_one("Show", titles, f"study detail show {len(available)}", help=result.display.side_help or None)


def video_view(result: StudyResult) -> None:
    """Show metrics of raw and of median-filtered predictions on video."""
    measures = result.measures[result.measures["filtered"]]
    left, right = st.columns([2, 5])
    key = left.selectbox(
        "Figure",
        list(measures.index),
        format_func=lambda key: result.measure(key).replace("filtered, ", "").replace(" (filtered)", ""),
        key="study film",
    )
    of_set, figure = (str(measures.at[str(key), part]) for part in ("set", "figure"))
    rows = result.figures[(result.figures["set"] == of_set) & (result.figures["figure"] == figure)]
    options = [arm for arm in result.arms.index if arm in set(rows["arm"])]
    usual = [arm for arm in options if result.arms.at[arm, "group"] in ("tasks", "coupling")]
    arms = right.multiselect(
        "Arms", options, usual or options, format_func=result.label, key=f"study film rows {result.folder}"
    )
    name = result.display.metric(figure)
    st.markdown(f"**{name[0].upper()}{name[1:]}, raw and filtered**", help=_VIDEO_HELP)
    rows = rows[rows["arm"].isin(arms)].assign(
        order=rows["arm"].map(options.index),
        series=rows["filtered"].map({False: "raw", True: "filtered"}),
        label=rows["arm"].map(result.arms["label"]),
    )
    if rows.empty:
        st.caption("Pick an arm.")
        return
    drawn = rows.sort_values(["filtered", "order"]).rename(columns={"mean": "value"})
    plot(charts.dot_plot(drawn, name), "video plot", f"{name} of each arm, raw and filtered.")


def curves_view(result: StudyResult) -> None:
    """Show losses during training."""
    curves = result.curves
    left, right = st.columns([2, 5])
    term = left.selectbox("Loss", list(curves["term"].unique()), format_func=result.display.loss, key="study term")
    rows = curves[curves["term"] == term]
    with right:
        available = rows.dropna(subset="value")["arm"]
        arms = pick_arms(result, available, f"study curve rows {result.folder} {term}")
    name = result.display.loss(str(term))
    st.markdown(f"**{name} along the training**", help=_CURVE_HELP)
    if not arms:
        st.caption("Pick an arm.")
        return
    parts = rows.groupby("arm")["part"].transform("count")
    rows = rows.assign(progress=100 * (rows["part"] + 0.5) / parts, series=rows["arm"].map(result.arms["label"]))
    drawn = pd.concat([rows[rows["arm"] == arm] for arm in arms])
    plot(charts.curves(drawn, "mean loss"), "curves", f"{name} by step, a line for each arm.")

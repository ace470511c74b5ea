"""Views of a study's findings: differences by situation, its note, and comparisons with other studies and papers."""

import re

import pandas as pd
import streamlit as st

from fbn.studies import beside
from fbn.studies.affect_arms import SINGLE, UNCOUPLED
from fbn.studies.frames import arms_table, difference_lines
from fbn.studies.labels import LABELS, METRIC_HELP, SIDES, TASKS
from fbn.studies.markdown import count_verdicts
from fbn.studies.read import NOTE, StudyResult, committed, note_section
from fbn.ui.study import charts
from fbn.ui.study.charts import MAX_SERIES
from fbn.ui.study.shared import ARM_HELP, FOUND, INTERVAL_HELP, choices, legend, note, pick_side, plot
from fbn.ui.widgets import choose_one

#: Arms shown by default.
_DEFAULT_ARMS = ("all", "both")
_SMOKE = "A smoke study: a few steps on a few faces, to see that all works. Its figures mean nothing."
_SITUATIONS_HELP = (
    "Shown are the studies that ship with fbn and have all of the picked arms. Of each, one figure for each kind of "
    "output: the mean over sets or else the first set, median-filtered on video."
)
_PAPERS = (
    "Paper A: Kollias et al., Distribution Matching for Heterogeneous Multi-Task Learning, Tables III and V (residual "
    "network). Paper C: Kollias et al., Face Behavior à la carte, Table 2 (VGG-FACE). Other faces, far larger sets and "
    "networks: directions can be compared, sizes cannot. Where A's Table III holds unfiltered figures against "
    "filtered, Table V's stand. Same direction: yes or no where our interval leaves out 0; the papers give none, "
    "there a difference counts from 0.005."
)


def found_view(result: StudyResult) -> None:
    """Show differences by situation, the study's note, and each metric of the study."""
    if result.request.get("budget") == "smoke":
        st.warning(_SMOKE, icon=":material/info:")
    folders = [folder for _, folder in committed()]
    if result.folder in folders:
        _situations(result, beside.read_all(folders))
    if text := note_section(result.folder, FOUND):
        st.subheader(FOUND)
        note(text, "found")
    else:
        st.caption(
            f"Nobody has put into words yet what this study found: a section “{FOUND}” of a {NOTE} in its folder "
            "stands here."
        )
    _figure_by_figure(result)
    _training_details(result)


def _situations(result: StudyResult, results: list[StudyResult]) -> None:
    labels = {
        arm: each.label(arm) for each in results for arm in each.coupled if each.arms.at[arm, "group"] == "coupling"
    }
    if not labels:
        return
    st.subheader("Where coupling pays, and where it does not")
    picked = st.pills(
        "Coupled by",
        list(labels),
        selection_mode="multi",
        default=[arm for arm in _DEFAULT_ARMS if arm in labels] or list(labels)[:1],
        format_func=labels.__getitem__,
        key="study situations arms",
        help=_SITUATIONS_HELP,
    )
    lines = beside.situations(results, picked) if picked else pd.DataFrame()
    if lines.empty:
        st.caption("Pick an arm." if not picked else "No study has all of these arms: take one away.")
        return
    seeds = lines["interval"] + ", " + lines["seeds"].astype(str) + " seeds"
    lines = lines.assign(
        label=lines["study"].map(lambda name: "▶ " if name == result.folder.name else "") + lines["situation"],
        hover=lines["measure"] + "<br>" + lines["arm"].map(labels) + "<br>" + seeds + "<br>study: " + lines["study"],
    )
    legend(arms=[labels[arm] for arm in lines["arm"].unique()])
    axis = "coupled − no coupling"
    plot(
        charts.forest_plot(lines, axis, heading="aspect", by_arm=True),
        "situations",
        f"{axis}, by situation, with 95 % intervals.",
    )


def _figure_by_figure(result: StudyResult) -> None:
    arms = [arm for arm in result.arms.index if arm != SINGLE]
    if not result.coupled:
        st.info("No arm of this study is coupled: it does not say whether coupling pays.", icon=":material/info:")
        return
    st.subheader("This study, figure by figure", help=f"{INTERVAL_HELP} {METRIC_HELP}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        arm = st.selectbox(
            "Arm",
            arms,
            format_func=result.label,
            index=arms.index(result.main_arms[0]),
            key=f"study arm {result.folder}",
            width=420,
            help=ARM_HELP,
        )
        side = pick_side("study found side")
    st.markdown(count_verdicts(result, arm, side))
    lines = difference_lines(result, result.of_arm(arm, None), side)
    if lines.empty:
        return
    unseen = lines["set"].map(result.is_unseen)
    lines = lines.assign(
        label=lines["key"].map(result.measures["label"].str.replace(", unseen", "").str.replace(" (unseen)", "")),
        heading=lines["task"].map(TASKS) + unseen.map({True: ", labels not trained on", False: ""}),
    )
    legend(seeds=True)
    axis = f"difference from {SIDES[side]}"
    plot(
        charts.forest_plot(lines, "difference", heading="heading"),
        "forest of an arm",
        f"{axis}: every figure with 95 % intervals.",
    )


def _training_details(result: StudyResult) -> None:
    with st.expander("What was trained, on what", icon=":material/list:"):
        counts = ", ".join(f"{LABELS.get(name, name.replace('_', ' '))} {n:,}" for name, n in result.labelled.items())
        st.markdown(f"Training pictures with labels: {counts or 'not told'}.")
        localized = {name: st.column_config.NumberColumn(format="localized") for name in ("Steps", "Parameters")}
        st.dataframe(arms_table(result), hide_index=True, column_config=localized)
    for folder in (result.folder, result.folder.parent):
        for path in sorted(folder.glob("*.md")):
            text = path.read_text("utf-8")
            title = re.match(r"#\s*(.+)", text)
            with st.expander(title[1] if title else path.stem, icon=":material/assignment:"):
                note(text, f"{folder.name}-{path.stem}")


def _comparable(result: StudyResult) -> list[StudyResult]:
    return beside.alike(result, beside.read_all(folder for _, folder in choices().values()))


def has_scarcity(result: StudyResult) -> bool:
    """Whether there are studies that differ from this one only in the number of AU labels."""
    results = _comparable(result)
    return len(results) > 1 and bool(beside.common_arms(results, 2))


def scarcity_view(result: StudyResult) -> None:
    """Show differences of this study, and of studies with another number of AU labels, against that number."""
    results = _comparable(result)
    labels = beside.common_arms(results, 2)
    first = result.first_keys(next(iter(result.main_arms), ""))
    left, right = st.columns([2, 3])
    key = left.selectbox(
        "Figure",
        sorted(result.measures.index, key=lambda key: key not in first),
        format_func=result.measure,
        key="study rung figure",
        help=METRIC_HELP,
    )
    picked = right.multiselect(
        "Arms",
        list(labels),
        [arm for arm in labels if arm in ("co", "both")] or list(labels)[:2],
        format_func=labels.__getitem__,
        max_selections=MAX_SERIES,
        key="study rung rows",
        help=f"Arms that several of these studies have; at most {MAX_SERIES}.",
    )
    side = pick_side("study rung side")
    axis = f"difference from {SIDES[side]}"
    name = result.measure(str(key))
    st.markdown(f"**{name}: {axis}, by pictures with AU labels**", help=INTERVAL_HELP)
    lines = beside.by_unit_labels(results, picked, str(key), side)
    if lines.empty:
        st.caption("Pick an arm." if not picked else f"None of these arms is compared with {SIDES[side]}.")
        return
    series = lines["arm"].map(labels)
    pictures = lines["pictures"].map(lambda count: f"{count:,}")
    hover = (
        series + ", " + pictures + " pictures<br>" + lines["interval"] + ", " + lines["seeds"].astype(str) + " seeds"
    )
    plot(charts.by_pictures(lines.assign(series=series, hover=hover), axis), "rungs", f"{name}: {axis}, by labels.")
    st.caption("Above 0 the coupling gains. Bars: 95 % intervals; arms stand side by side so that all can be seen.")


def papers_view(result: StudyResult) -> None:
    """Show the study's differences beside those of the papers' tables, and its note on the papers' claims."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        compared_arms = st.selectbox(
            "What is compared",
            beside.offered(result),
            format_func=lambda compared: compared.title,
            key="study compared",
            width=420,
        )
        table = choose_one(
            "Coupled by",
            beside.COUPLED_BY,
            "study paper table",
            help="The papers' second table was counted on Aff-Wild2; here it is one that was counted on the training "
            "pictures, else theirs.",
            disabled=compared_arms.row == UNCOUPLED,
        )
    lines = beside.beside_papers(result, compared_arms, table)
    if lines["difference"].isna().all():
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
    here = lines["mark"].fillna("") + " " + lines["interval"].fillna("")
    shown = lines.assign(here=here, task=lines["task"].map(TASKS))[list(columns)].rename(columns=columns)
    number = st.column_config.NumberColumn(format="%+.2f")
    papers = {"Paper A": number, "Paper C": number}
    st.dataframe(shown, hide_index=True, column_config=papers, placeholder="–", alt="The papers and this study")
    legend([f"paper {paper}" for paper in beside.PAPERS])
    hover = lines["label"] + ": " + lines["interval"].fillna("")
    drawn = lines.assign(hover=hover, heading=lines["task"].map(TASKS)).rename(columns={"A": "paper A", "C": "paper C"})
    chart = charts.forest_plot(drawn, "difference", heading="heading", extra_columns=("paper A", "paper C"))
    plot(chart, f"papers {compared_arms.title} {table}", f"{compared_arms.title}: this study beside the papers.")
    st.caption(_PAPERS)
    if text := note_section(result.folder, "The papers' claims"):
        st.subheader("What was found on the papers' claims")
        note(text, "claims")

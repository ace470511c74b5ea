"""Views of a study's findings: differences by situation, its note, and comparisons with other studies and papers."""

import re

import pandas as pd
import streamlit as st

from fbn.studies import beside
from fbn.studies.committed import CLAIMS, NOTE, committed, note_section
from fbn.studies.committed import FOUND as NOTE_FOUND
from fbn.studies.display import Situations
from fbn.studies.frames import arms_table, difference_lines
from fbn.studies.markdown import count_verdicts
from fbn.studies.read import StudyResult
from fbn.ui.study import charts
from fbn.ui.study.charts import MAX_SERIES
from fbn.ui.study.shared import ARM_HELP, FOUND, INTERVAL_HELP, choices, legend, note, pick_side, plot
from fbn.ui.widgets import choose_one

_SMOKE = "A smoke study: a few steps on a few faces, to see that all works. Its figures mean nothing."
_SITUATIONS_HELP = (
    "Shown are the studies that ship with fbn and have all of the picked arms. Of each, one figure for each kind of "
    "output: the mean over sets or else the first set, median-filtered on video."
)


def found_view(result: StudyResult) -> None:
    """Show what a person wrote on what was found; then differences by situation, and each metric of the study."""
    if result.request.get("budget") == "smoke":
        st.warning(_SMOKE, icon=":material/info:")
    if text := note_section(result.folder, NOTE_FOUND):
        st.subheader(FOUND)
        note(text, "found")
    else:
        st.caption(
            f"Nobody has put into words yet what this study found: a section “{FOUND}” of a {NOTE} in its folder "
            "stands here."
        )
    folders = [folder for _, folder in committed(result.definition.name)]
    if result.folder in folders and result.display.situations:
        _situations(result, result.display.situations, beside.read_all(folders))
    _figure_by_figure(result)
    _training_details(result)


def _situations(result: StudyResult, shown: Situations, results: list[StudyResult]) -> None:
    labels = {
        arm: each.label(arm)
        for each in results
        for arm in each.coupled
        if each.arms.at[arm, "group"] == "coupling" or arm in shown.arms
    }
    if not labels:
        return
    st.subheader("Where coupling pays, and where it does not")
    picked = st.pills(
        "Coupled by",
        list(labels),
        selection_mode="multi",
        default=_usual_arms(result, shown, list(labels)),
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


def _usual_arms(result: StudyResult, shown: Situations, offered: list[str]) -> list[str]:
    """Return the arms to compare at first: of the usual ones those that the open study has, else its own."""
    usual = [arm for arm in shown.arms if arm in offered]
    own = [arm for arm in usual if arm in result.coupled] or [arm for arm in result.main_arms if arm in offered]
    return own or usual or offered[:1]


def _figure_by_figure(result: StudyResult) -> None:
    arms = [arm for arm in result.arms.index if arm not in {each.name for each in result.definition.combined}]
    if not result.main_arms:
        st.info("No arm of this study is coupled: it does not say whether coupling pays.", icon=":material/info:")
        return
    st.subheader("This study, figure by figure", help=f"{INTERVAL_HELP} {result.display.help}")
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
        side = pick_side(result, "study found side")
    st.markdown(count_verdicts(result, arm, side))
    lines = difference_lines(result, result.of_arm(arm, None), side)
    if lines.empty:
        return
    unseen = lines["set"].map(result.is_unseen)
    lines = lines.assign(
        label=lines["key"].map(result.measures["label"].str.replace(", unseen", "").str.replace(" (unseen)", "")),
        heading=lines["task"].map(dict(result.display.tasks)).fillna("")
        + (unseen & result.display.marks_unseen).map({True: ", labels not trained on", False: ""}),
    )
    legend(seeds=True)
    axis = f"difference from {result.display.against(side)}"
    plot(
        charts.forest_plot(lines, "difference", heading="heading"),
        "forest of an arm",
        f"{axis}: every figure with 95 % intervals.",
    )


def _training_details(result: StudyResult) -> None:
    with st.expander("What was trained, on what", icon=":material/list:"):
        labels = result.display.labels
        counts = ", ".join(f"{labels.get(name, name.replace('_', ' '))} {n:,}" for name, n in result.labelled.items())
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
    """Whether there are studies that differ from this one only in the number of labels of one kind."""
    results = _comparable(result)
    return len(results) > 1 and bool(beside.common_arms(results, 2))


def scarcity_view(result: StudyResult) -> None:
    """Show differences of this study, and of studies with another number of labels, against that number."""
    scarce = result.display.scarce
    assert scarce is not None
    results = _comparable(result)
    labels = beside.common_arms(results, 2)
    first = result.first_keys(next(iter(result.main_arms), ""))
    left, right = st.columns([2, 3])
    key = left.selectbox(
        "Figure",
        sorted(result.measures.index, key=lambda key: key not in first),
        format_func=result.measure,
        key="study rung figure",
        help=result.display.help or None,
    )
    picked = right.multiselect(
        "Arms",
        list(labels),
        [arm for arm in labels if arm in ("co", *result.first.arms)] or list(labels)[:2],
        format_func=labels.__getitem__,
        max_selections=MAX_SERIES,
        key="study rung rows",
        help=f"Arms that several of these studies have; at most {MAX_SERIES}.",
    )
    side = pick_side(result, "study rung side")
    other, pictures = result.display.against(side), f"pictures with {scarce.name} labels"
    axis = f"difference from {other}"
    name = result.measure(str(key))
    st.markdown(f"**{name}: {axis}, by {pictures}**", help=INTERVAL_HELP)
    lines = beside.by_labels(results, picked, str(key), side)
    if lines.empty:
        st.caption("Pick an arm." if not picked else f"None of these arms is compared with {other}.")
        return
    series = lines["arm"].map(labels)
    counts = lines["pictures"].map(lambda count: f"{count:,}")
    hover = series + ", " + counts + " pictures<br>" + lines["interval"] + ", " + lines["seeds"].astype(str) + " seeds"
    plot(
        charts.by_pictures(lines.assign(series=series, hover=hover), axis, pictures),
        "rungs",
        f"{name}: {axis}, by labels.",
    )
    st.caption("Above 0 the coupling gains. Bars: 95 % intervals; arms stand side by side so that all can be seen.")


def papers_view(result: StudyResult) -> None:
    """Show the study's differences beside those of the papers' tables, and its note on the papers' claims."""
    papers, display = result.display.papers, result.display
    assert papers is not None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        compared_arms = st.selectbox(
            "What is compared",
            beside.offered(result),
            format_func=lambda compared: compared.title,
            key=f"study compared {result.definition.name}",
            width=420,
        )
        table = next(iter(papers.tables))
        if len(papers.tables) > 1:
            table = choose_one(
                "Coupled by",
                {name: each.title for name, each in papers.tables.items()},
                "study paper table",
                help="The papers' second table was counted on Aff-Wild2; here it is one that was counted on the "
                "training pictures, else theirs.",
                disabled=compared_arms.row == papers.plain,
            )
    lines = beside.beside_papers(result, compared_arms, table)
    if lines["difference"].isna().all():
        st.info("This study has no such arm; the papers' figures stand alone.", icon=":material/info:")
    st.markdown(f"**{compared_arms.title}: the papers and this study**", help=f"{display.help} {INTERVAL_HELP}")
    titles = {paper: f"Paper {paper}" for paper in papers.names}
    columns = {"task": "Task", "label": "Figure", **titles, "here": "Here", "same": "Same direction"}
    here = lines["mark"].fillna("") + " " + lines["interval"].fillna("")
    shown = lines.assign(here=here, task=lines["task"].map(dict(display.tasks)))[list(columns)].rename(columns=columns)
    number = st.column_config.NumberColumn(format=f"%+.{papers.digits}f")
    formats = dict.fromkeys(titles.values(), number)
    st.dataframe(shown, hide_index=True, column_config=formats, placeholder="–", alt="The papers and this study")
    marked = {paper: f"paper {paper}" for paper in papers.names}
    legend(list(marked.values()))
    hover = lines["label"] + ": " + lines["interval"].fillna("")
    drawn = lines.assign(hover=hover, heading=lines["task"].map(dict(display.tasks))).rename(columns=marked)
    chart = charts.forest_plot(drawn, "difference", heading="heading", extra_columns=list(marked.values()))
    plot(chart, f"papers {compared_arms.title} {table}", f"{compared_arms.title}: this study beside the papers.")
    st.caption(papers.source)
    with st.expander("The values themselves", icon=":material/table:"):
        values = beside.paper_values(result)
        st.dataframe(values.style.format("{:.3f}", na_rep="–"), alt="Values of the papers and of this study")
    if papers.claims:
        st.subheader("What the papers claim")
        st.markdown("\n".join(f"{number}. {claim}" for number, claim in enumerate(papers.claims, 1)))
    if text := note_section(result.folder, CLAIMS):
        st.subheader("What was found on the papers' claims")
        note(text, "claims")

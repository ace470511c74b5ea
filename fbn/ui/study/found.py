"""The page's first view: where coupling pays and where it does not, in a picture and in a person's words."""

import re

import pandas as pd
import streamlit as st

from fbn.studies.affect_arms import SINGLE
from fbn.studies.beside import read_all, situations
from fbn.studies.labels import LABELS, LOSSES, METRIC_HELP, SIDES, TASKS
from fbn.studies.read import NOTE, StudyResult, committed, note_section
from fbn.ui.study.charts import forest
from fbn.ui.study.parts import ARM_HELP, INTERVAL_HELP, compared, count_verdicts, legend, note, pick_side, plot

SECTION = "What was found"
#: Arms of the picture, unless others are picked.
_USUAL = ("all", "both")
_SMOKE = "A smoke study: a few steps on a few faces, to see that all works. Its figures mean nothing."
_SITUATIONS_HELP = (
    "Shown are the studies that ship with fbn and have all of the picked arms. Of each, one figure for each kind of "
    "output: the mean over sets or else the first set, median-filtered on video."
)


def found_view(result: StudyResult) -> None:
    """The picture over situations, what a person wrote, and this study figure by figure."""
    if result.request.get("budget") == "smoke":
        st.warning(_SMOKE, icon=":material/info:")
    folders = [folder for _, folder in committed()]
    if result.folder in folders:
        _situations(result, read_all(folders))
    if text := note_section(result.folder, SECTION):
        st.subheader(SECTION)
        note(text, "found")
    else:
        st.caption(
            f"Nobody has put into words yet what this study found: a section “{SECTION}” of a {NOTE} in its folder "
            "stands here."
        )
    _figure_by_figure(result)
    _what_was_done(result)


def _situations(result: StudyResult, results: list[StudyResult]) -> None:
    labels = {arm: own.label(arm) for own in results for arm in own.coupled if own.arms.at[arm, "group"] == "coupling"}
    if not labels:
        return
    st.subheader("Where coupling pays, and where it does not")
    picked = st.pills(
        "Coupled by",
        list(labels),
        selection_mode="multi",
        default=[arm for arm in _USUAL if arm in labels] or list(labels)[:1],
        format_func=labels.__getitem__,
        key="study situations arms",
        help=_SITUATIONS_HELP,
    )
    found = situations(results, picked) if picked else pd.DataFrame()
    if found.empty:
        st.caption("Pick an arm." if not picked else "No study has all of these arms: take one away.")
        return
    seeds = found["interval"] + ", " + found["seeds"].astype(str) + " seeds"
    found = found.assign(
        label=found["study"].map(lambda name: "▶ " if name == result.folder.name else "") + found["situation"],
        hover=found["measure"] + "<br>" + found["arm"].map(labels) + "<br>" + seeds + "<br>study: " + found["study"],
    )
    legend(arms=[labels[arm] for arm in found["arm"].unique()])
    axis = "coupled − no coupling"
    plot(
        forest(found, axis, heading="aspect", by_arm=True), "situations", f"{axis}, by situation, with 95 % intervals."
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
    found = compared(result, result.of_arm(arm, None), side)
    if found.empty:
        return
    unseen = found["set"].map(result.is_unseen)
    found = found.assign(
        label=found["key"].map(result.measures["label"].str.replace(", unseen", "").str.replace(" (unseen)", "")),
        heading=found["task"].map(TASKS) + unseen.map({True: ", labels not trained on", False: ""}),
    )
    legend(seeds=True)
    axis = f"difference from {SIDES[side]}"
    plot(
        forest(found, "difference", heading="heading"), "forest of an arm", f"{axis}: every figure with 95 % intervals."
    )


def _what_was_done(result: StudyResult) -> None:
    with st.expander("What was trained, on what", icon=":material/list:"):
        counts = result.labelled.items()
        labelled = ", ".join(f"{LABELS.get(name, name.replace('_', ' '))} {n:,}" for name, n in counts)
        st.markdown(f"Training pictures with labels: {labelled or 'not told'}.")
        terms = [
            ", ".join(f"{LOSSES.get(term, term.replace('_', ' ')).lower()} {w:g}" for term, w in own.items())
            for own in result.arms["terms"]
        ]
        steps = result.arms.index.map(result.steps)
        frame = result.arms.reset_index(names="arm").assign(terms=terms, steps=steps)
        columns = {
            "label": "Arm",
            "arm": "Short name",
            "description": "What it is",
            "table": "Table",
            "terms": "Coupling losses",
            "seeds": "Seeds",
            "steps": "Steps",
            "parameters": "Parameters",
            "seconds": "Seconds a run",
        }
        whole = {name: st.column_config.NumberColumn(format="localized") for name in ("Steps", "Parameters")}
        st.dataframe(frame[list(columns)].rename(columns=columns), hide_index=True, column_config=whole)
    for folder in (result.folder, result.folder.parent):
        for path in sorted(folder.glob("*.md")):
            text = path.read_text("utf-8")
            title = re.match(r"#\s*(.+)", text)
            with st.expander(title[1] if title else path.stem, icon=":material/assignment:"):
                note(text, f"{folder.name}-{path.stem}")

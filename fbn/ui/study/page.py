"""The Study page: which study is open, and its views, each a fragment."""

import re
from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from fbn.errors import FbnError
from fbn.studies.read import TABLES, Studied
from fbn.studies.words import LABELS, TERMS, about, row_name
from fbn.ui.relatedness.draft import plain
from fbn.ui.study import marks
from fbn.ui.study.answer import answer_view
from fbn.ui.study.closer import curves_view, video_view
from fbn.ui.study.detail import detail_view
from fbn.ui.study.figures import figures_view
from fbn.ui.study.papers import papers_view
from fbn.ui.study.scarcity import has_scarcity, scarcity_view
from fbn.ui.study.state import ANSWER, OPEN, PROBLEM, VIEW, Choice, choices, open_folder, picked
from fbn.ui.study.training import JOBS, training_view
from fbn.ui.widgets import pick, place

_RUN = "Run one"
_VIEWS: dict[str, Callable[[Studied], None]] = {
    ANSWER: answer_view,
    "All figures": figures_view,
    "AUs and expressions": detail_view,
    "Scarcity": scarcity_view,
    "Video": video_view,
    "Training": curves_view,
    "The papers": papers_view,
}


def show_study() -> None:
    """The study that is open, or how to get one."""
    st.html(marks.STYLE)
    if "study path" not in st.session_state:
        _forget()
    found = choices()
    place("study", OPEN, list(found), next(iter(found), ""), "study")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = picked(found) if found else None
        studied, problem = _read(chosen)
        open_folder()
        if studied:
            _download(studied)
    for words in (st.session_state.get(PROBLEM), problem):
        if words:
            st.error(words, icon=":material/error:")
    if chosen is None:
        st.info(
            "No study is here yet. Start one below, or open a folder that fbn study wrote.", icon=":material/science:"
        )
    if studied is None:
        st.fragment(training_view)()
        return
    st.caption(plain(about(studied)))
    views = [*_views(studied), _RUN]
    view = place("view", VIEW, views, ANSWER, "view")
    pick(st.segmented_control, "View", VIEW, _forget, options=views, required=True, label_visibility="collapsed")
    st.fragment(training_view if view == _RUN else partial(_VIEWS[view], studied))()
    if view == ANSWER:
        _what_was_done(studied)


def _views(studied: Studied) -> list[str]:
    """The views in which there is something to see."""
    empty = {
        "All figures": not studied.keys,
        "AUs and expressions": not studied.details,
        "Scarcity": not has_scarcity(studied),
        "Video": not any(key[2] for key in studied.keys),
        "Training": not studied.terms,
    }
    return [view for view in _VIEWS if not empty.get(view)]


def _forget() -> None:
    """What was refused belongs to the view in which it was asked for."""
    st.session_state[PROBLEM] = ""
    JOBS.refuse("")


def _read(chosen: Choice | None) -> tuple[Studied | None, str]:
    """The study, or why it cannot be read."""
    try:
        return (Studied.read(chosen.folder) if chosen else None), ""
    except FbnError as error:
        return None, str(error)


def _download(studied: Studied) -> None:
    there = {name: words for name, words in TABLES.items() if (studied.folder / name).is_file()}
    if not there:
        return
    with st.popover("Download", icon=":material/download:"):
        for name, words in there.items():
            st.download_button(
                f"{words} ({name})",
                (studied.folder / name).read_bytes(),
                name,
                "text/csv",
                key=f"study download {name}",
                on_click="ignore",
            )


def _what_was_done(studied: Studied) -> None:
    with st.expander("What was trained, on what", icon=":material/list:"):
        counts = studied.summary.labelled.items()
        labelled = ", ".join(f"{LABELS.get(name, name.replace('_', ' '))} {n:,}" for name, n in counts)
        st.markdown(f"Training pictures with labels: {labelled or 'not told'}.")
        frame = pd.DataFrame(
            {
                "Row": row_name(row.row),
                "What it is": row.words,
                "Table": row.table or "",
                "Coupling losses": ", ".join(
                    f"{TERMS.get(term, term.replace('_', ' ')).lower()} {w:g}" for term, w in row.terms.items()
                ),
                "Seeds": row.seeds,
                "Steps": studied.steps.get(row.row),
                "Parameters": row.parameters,
                "Seconds a run": row.seconds,
            }
            for row in studied.rows.values()
        )
        whole = {name: st.column_config.NumberColumn(format="localized") for name in ("Steps", "Parameters")}
        st.dataframe(frame, hide_index=True, column_config=whole)
    for path in _notes(studied):
        text = path.read_text("utf-8")
        title = re.match(r"#\s*(.+)", text)
        with st.expander(title[1] if title else path.stem, icon=":material/assignment:"):
            # a page has one heading of the first rank, its own
            st.markdown(re.sub(r"^#", "####", text, flags=re.MULTILINE))


def _notes(studied: Studied) -> list:
    """What is written beside a study that ships with fbn: its plan, what came of it."""
    return [path for folder in (studied.folder, studied.folder.parent) for path in sorted(folder.glob("*.md"))]

"""The Study page: which study is open, and its views, each a fragment."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from fbn.errors import FbnError
from fbn.studies.beside import offered
from fbn.studies.read import TABLES, StudyResult
from fbn.ui.study.found import found_view
from fbn.ui.study.others import has_scarcity, papers_view, scarcity_view
from fbn.ui.study.state import FOUND, OPEN, PROBLEM, VIEW, Choice, choices, open_folder, picked
from fbn.ui.study.training import JOBS, training_view
from fbn.ui.study.views import (
    curves_view,
    detail_view,
    figures_view,
    video_view,
)
from fbn.ui.widgets import escape_markdown as plain
from fbn.ui.widgets import pick, place

_RUN = "Run one"
_VIEWS: dict[str, Callable[[StudyResult], None]] = {
    FOUND: found_view,
    "All figures": figures_view,
    "AUs and expressions": detail_view,
    "Scarcity": scarcity_view,
    "Video": video_view,
    "Training": curves_view,
    "The papers": papers_view,
}


def show_study() -> None:
    """The study that is open, or how to get one."""
    if "study path" not in st.session_state:
        _forget()
    found = choices()
    place("study", OPEN, list(found), next(iter(found), ""), "study")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = picked(found) if found else None
        result, problem = _read(chosen)
        open_folder()
        if result:
            _download(result)
    for words in (st.session_state.get(PROBLEM), problem):
        if words:
            st.error(words, icon=":material/error:")
    if chosen is None:
        st.info(
            "No study is here yet. Start one below, or open a folder that fbn study wrote.", icon=":material/science:"
        )
    if result is None:
        st.fragment(training_view)()
        return
    st.caption(plain(result.about()))
    views = [*_views(result), _RUN]
    view = place("view", VIEW, views, FOUND, "view")
    pick(st.segmented_control, "View", VIEW, _forget, options=views, required=True, label_visibility="collapsed")
    st.fragment(training_view if view == _RUN else partial(_VIEWS[view], result))()


def _views(result: StudyResult) -> list[str]:
    """The views in which there is something to see."""
    empty = {
        "All figures": result.figures.empty,
        "AUs and expressions": result.details.empty,
        "Scarcity": not has_scarcity(result),
        "Video": not result.measures["filtered"].any(),
        "Training": result.curves.empty,
        "The papers": not offered(result),
    }
    return [view for view in _VIEWS if not empty.get(view)]


def _forget() -> None:
    """What was refused belongs to the view in which it was asked for."""
    st.session_state[PROBLEM] = ""
    JOBS.refuse("")


def _read(chosen: Choice | None) -> tuple[StudyResult | None, str]:
    """The study, or why it cannot be read."""
    try:
        return (StudyResult.read(chosen.folder) if chosen else None), ""
    except FbnError as error:
        return None, str(error)


def _download(result: StudyResult) -> None:
    there = {name: words for name, words in TABLES.items() if (result.folder / name).is_file()}
    if not there:
        return
    with st.popover("Download", icon=":material/download:"):
        for name, words in there.items():
            st.download_button(
                f"{words} ({name})",
                (result.folder / name).read_bytes(),
                name,
                "text/csv",
                key=f"study download {name}",
                on_click="ignore",
            )

"""The Study page: the views of the open study, and the form for a new study."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from fbn.errors import FbnError
from fbn.jobs import Job
from fbn.studies.beside import offered
from fbn.studies.folder import DETAILS
from fbn.studies.markdown import count_verdicts
from fbn.studies.read import TABLES, StudyResult
from fbn.ui.job_list import JobList
from fbn.ui.study.findings import found_view, has_scarcity, papers_view, scarcity_view
from fbn.ui.study.form import request_form
from fbn.ui.study.shared import FOUND, OPEN, PROBLEM, VIEW, choices, open_folder, open_study, pick_study
from fbn.ui.study.views import curves_view, detail_view, figures_view, video_view
from fbn.ui.widgets import escape_markdown, pick_view, sync_with_url

_RUN = "Run one"


def show_study() -> None:
    """Show the open study, or forms to open or run one."""
    if "study path" not in st.session_state:
        _clear_problems()
    studies = choices()
    sync_with_url("study", OPEN, list(studies), next(iter(studies), ""), "study")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        result, problem = None, ""
        if studies:
            try:
                result = StudyResult.read(pick_study(studies))
            except FbnError as error:
                problem = str(error)
        open_folder()
        if result:
            _download(result)
    for text in (st.session_state.get(PROBLEM), problem):
        if text:
            st.error(text, icon=":material/error:")
    if not studies:
        sync_with_url("view", VIEW, [_RUN], _RUN, "view")
        st.info(
            "No study is here yet. Start one below, or open a folder that fbn study wrote.", icon=":material/science:"
        )
    if result is None:
        st.fragment(training_view)()
        return
    st.markdown(f"**{escape_markdown(result.definition.title)}**")
    st.caption(escape_markdown(result.about()))
    shown = views_of(result)
    views = [*shown, _RUN]
    view = sync_with_url("view", VIEW, views, FOUND, "view")
    pick_view("View", VIEW, views, _clear_problems)
    st.fragment(partial(training_view, result.definition.name) if view == _RUN else partial(shown[view], result))()


def views_of(result: StudyResult) -> dict[str, Callable[[StudyResult], None]]:
    """Return title -> function of the views for which the study has data."""
    views: tuple[tuple[str, Callable[[StudyResult], None], bool], ...] = (
        (FOUND, found_view, True),
        ("All figures", figures_view, not result.figures.empty),
        (result.display.details_title, detail_view, not result.details.empty),
        ("Scarcity", scarcity_view, has_scarcity(result)),
        ("Video", video_view, bool(result.measures["filtered"].any())),
        ("Training", curves_view, not result.curves.empty),
        ("The papers", papers_view, bool(offered(result))),
    )
    return {title: view for title, view, available in views if available}


def _clear_problems() -> None:
    """Remove error messages that belong to another view."""
    st.session_state[PROBLEM] = ""
    JOBS.set_problem("")


def _download(result: StudyResult) -> None:
    titles = {**TABLES, DETAILS: result.display.details_title}
    files = {name: title for name, title in titles.items() if (result.folder / name).is_file()}
    if not files:
        return
    with st.popover("Download", icon=":material/download:"):
        for name, title in files.items():
            st.download_button(
                f"{title} ({name})",
                (result.folder / name).read_bytes(),
                name,
                "text/csv",
                key=f"study download {name}",
                on_click="ignore",
            )


def training_view(opened: str = "") -> None:
    """Draw the form for a new study, at first of the name ``opened``, and the jobs."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        request_form(JOBS, opened)
    with right:
        JOBS.watch()


def _show_result(job: Job, _: Any) -> None:
    try:
        result = StudyResult.read(job.folder)
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    arm = next(iter(result.main_arms), None)
    st.markdown(count_verdicts(result, arm, "uncoupled") if arm else "No arm of it was coupled.")
    if st.button(
        "Open this study",
        icon=":material/open_in_full:",
        key=f"study open {job.id}",
        on_click=partial(open_study, job.id),
    ):
        st.rerun()


JOBS = JobList(
    kind="study",
    key="study job",
    title="Studies run here",
    nothing=("None yet. Start one, and watch it here.", "science"),
    show=_show_result,
)

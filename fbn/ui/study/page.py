"""The Study page: the views of the open study, and the form for a new study."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from fbn.errors import FbnError
from fbn.jobs import Job, durations
from fbn.studies.affect import AffectRequest
from fbn.studies.affect_arms import ARMS, UNCOUPLED
from fbn.studies.affect_budgets import BUDGETS
from fbn.studies.beside import offered
from fbn.studies.labels import GROUPS
from fbn.studies.markdown import count_verdicts
from fbn.studies.read import TABLES, StudyResult
from fbn.ui.job_list import JobList
from fbn.ui.study.findings import found_view, has_scarcity, papers_view, scarcity_view
from fbn.ui.study.shared import FOUND, OPEN, PROBLEM, VIEW, choices, open_folder, open_study, pick_study
from fbn.ui.study.views import curves_view, detail_view, figures_view, video_view
from fbn.ui.widgets import choose_one, escape_markdown, pick_view, sync_with_url

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
#: Budget -> description.
_BUDGETS = {
    "smoke": "To see that all works. Its figures mean nothing.",
    "lesson": "Steps enough to see co-annotation work on scarce AU labels. Others want more.",
    "small": "Two thirds of the steps of most studies that ship with fbn. Choose fewer rows for less; architectures "
    "are slow, and have fewer steps and seeds.",
}
_BUDGET_HELP = (
    "How many faces, steps and seeds. The shipped network's own size, fbn study affect --budget full, wants a GPU."
)
_UNITS_HELP = (
    "Training pictures with AU labels, the others having an expression or valence and arousal. The scarcer they are, "
    "the more there is for expressions to teach. Left empty: as the budget has it."
)
_DEFAULT_ROWS = ("single-expression", "single-au", "single-va", UNCOUPLED, "co", "both")


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
    st.caption(escape_markdown(result.about()))
    views = [*_views(result), _RUN]
    view = sync_with_url("view", VIEW, views, FOUND, "view")
    pick_view("View", VIEW, views, _clear_problems)
    st.fragment(training_view if view == _RUN else partial(_VIEWS[view], result))()


def _views(result: StudyResult) -> list[str]:
    """Return the views for which the study has data."""
    empty = {
        "All figures": result.figures.empty,
        "AUs and expressions": result.details.empty,
        "Scarcity": not has_scarcity(result),
        "Video": not result.measures["filtered"].any(),
        "Training": result.curves.empty,
        "The papers": not offered(result),
    }
    return [view for view in _VIEWS if not empty.get(view)]


def _clear_problems() -> None:
    """Remove error messages that belong to another view."""
    st.session_state[PROBLEM] = ""
    JOBS.set_problem("")


def _download(result: StudyResult) -> None:
    files = {name: title for name, title in TABLES.items() if (result.folder / name).is_file()}
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


def training_view() -> None:
    """Draw the form for a new study, and the jobs."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        _request()
    with right:
        JOBS.watch()


def _request() -> None:
    st.markdown("**Run a study**")
    st.caption(
        "Every row is a way of training; all rows of a seed meet the same pictures. You may leave this page meanwhile."
    )
    budget = choose_one(
        "How much", {name: name.capitalize() for name in _BUDGETS}, "study ask budget", help=_BUDGET_HELP
    )
    size = st.empty()
    rows = st.multiselect(
        "Rows",
        list(ARMS),
        list(_DEFAULT_ROWS),
        key="study ask rows",
        placeholder="All of them",
        help=f"None chosen: all {len(ARMS)}. Differences need “{UNCOUPLED}” and single-task rows beside a coupling.",
    )
    left, right = st.columns(2)
    seeds = left.number_input(
        "Seeds",
        1,
        50,
        BUDGETS[budget].seeds,
        key=f"study ask seeds {budget}",
        help="Trainings of each row. The budget's own number is for architectures a smaller one.",
    )
    units = right.number_input(
        "AU pictures", 4, 100_000, None, key="study ask units", placeholder="as usual", help=_UNITS_HELP
    )
    data = st.text_input(
        "On real faces: folder of data sets",
        key="study ask data",
        placeholder="a folder on this machine",
        help="With FER+, AffectNet and CK+ in it; left empty, faces are drawn.",
    ).strip()
    request: dict[str, Any] = {
        "budget": budget,
        "rows": rows,
        # None: the budget's number, which is smaller for slow rows
        "seeds": None if seeds == BUDGETS[budget].seeds else int(seeds),
        "action_units": None if units is None else int(units),
        "data": str(Path(data).expanduser().resolve()) if data else None,
    }
    size.caption(f"{_BUDGETS[budget]} {_size(request)}")
    title = f"{budget.capitalize()} study, {'real' if data else 'drawn'} faces, {len(rows) or len(ARMS)} rows"
    st.button("Start", type="primary", icon=":material/play_arrow:", on_click=partial(JOBS.start, title, request))
    JOBS.problem()
    with st.expander("What the rows are", icon=":material/list:"):
        for group, title in GROUPS.items():
            lines = [f"- `{arm.name}` {arm.description}" for arm in ARMS.values() if arm.group == group]
            st.markdown(f"**{title}**\n\n" + "\n".join(lines))


def _size(request: dict[str, Any]) -> str:
    """Describe the number of trainings and steps, and the duration estimated from an earlier study."""
    runs = len(AffectRequest.model_validate(request).runs)

    def work(of: Mapping[str, Any]) -> float | None:
        if of.get("steps") or of.get("budget") != request["budget"] or bool(of.get("data")) != bool(request["data"]):
            return None
        return len(AffectRequest.model_validate(of).runs)

    steps = BUDGETS[request["budget"]].steps
    return f"{runs} trainings of {steps} steps. {durations.remembered('study', work, runs)}"


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

"""A study as a job: what to ask for, the jobs, and a word on what came out."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from fbn.errors import FbnError
from fbn.jobs import Job, durations
from fbn.studies.affect import AffectRequest
from fbn.studies.affect_arms import ARMS, UNCOUPLED
from fbn.studies.affect_budgets import BUDGETS
from fbn.studies.labels import GROUPS
from fbn.studies.read import StudyResult
from fbn.ui.job_list import JobList
from fbn.ui.study.parts import count_verdicts
from fbn.ui.study.state import show

#: What each is good for.
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
_USUAL = ("single-expression", "single-au", "single-va", UNCOUPLED, "co", "both")


def training_view() -> None:
    """Asking for a study, and all that were asked for."""
    asking, asked = st.columns([2, 3], gap="large")
    with asking:
        _ask()
    with asked:
        JOBS.watch()


def _ask() -> None:
    st.markdown("**Run a study**")
    st.caption(
        "Every row is a way of training; all rows of a seed meet the same pictures. You may leave this page meanwhile."
    )
    budget = st.segmented_control(
        "How much",
        list(_BUDGETS),
        default="smoke",
        required=True,
        format_func=str.capitalize,
        key="study ask budget",
        help=_BUDGET_HELP,
    )
    budget = budget or "smoke"
    size = st.empty()
    rows = st.multiselect(
        "Rows",
        list(ARMS),
        list(_USUAL),
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
    asked: dict[str, Any] = {
        "budget": budget,
        "rows": rows,
        # the budget's own number is for rows that are slow a smaller one
        "seeds": None if seeds == BUDGETS[budget].seeds else int(seeds),
        "action_units": None if units is None else int(units),
        "data": str(Path(data).expanduser().resolve()) if data else None,
    }
    size.caption(f"{_BUDGETS[budget]} {_size(asked)}")
    title = f"{budget.capitalize()} study, {'real' if data else 'drawn'} faces, {len(rows) or len(ARMS)} rows"
    st.button("Start", type="primary", icon=":material/play_arrow:", on_click=partial(JOBS.start, title, asked))
    JOBS.problem()
    with st.expander("What the rows are", icon=":material/list:"):
        for group, words in GROUPS.items():
            lines = [f"- `{arm.name}` {arm.description}" for arm in ARMS.values() if arm.group == group]
            st.markdown(f"**{words}**\n\n" + "\n".join(lines))


def _size(asked: dict[str, Any]) -> str:
    """How much there is to do, and how long that takes here where a study of the budget was run before."""
    runs = len(AffectRequest.model_validate(asked).runs)

    def work(of: Mapping[str, Any]) -> float | None:
        if of.get("steps") or of.get("budget") != asked["budget"] or bool(of.get("data")) != bool(asked["data"]):
            return None
        return len(AffectRequest.model_validate(of).runs)

    steps = BUDGETS[asked["budget"]].steps
    return f"{runs} trainings of {steps} steps. {durations.remembered('study', work, runs)}"


def _came_out(job: Job, _: Any) -> None:
    try:
        result = StudyResult.read(job.folder)
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    arm = next(iter(result.main_arms), None)
    st.markdown(count_verdicts(result, arm, "uncoupled") if arm else "No arm of it was coupled.")
    if st.button(
        "Open this study", icon=":material/open_in_full:", key=f"study open {job.id}", on_click=partial(show, job.id)
    ):
        st.rerun()


JOBS = JobList(
    kind="study",
    key="study job",
    title="Studies run here",
    nothing=("None yet. Start one, and watch it here.", "science"),
    show=_came_out,
)

"""What an edit does after training: start a comparison as a job, watch it, see what came out with its spread."""

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from fbn import jobs
from fbn.errors import FbnError
from fbn.jobs import Job
from fbn.resources import shipped
from fbn.training import recipe
from fbn.training.compare import RESULT
from fbn.ui import charts
from fbn.ui.relatedness import plain
from fbn.ui.relatedness_results import cells, differences, figures, sentence
from fbn.ui.relatedness_versions import choices, table_of, usual

_KIND, _RECIPE = "compare", "coupled"
_STUDIES = "assets/studies/relatedness"
#: Seconds between two looks while a job waits or runs; and while none does, since others may start one.
_EVERY, _IDLE = 2.0, 15.0
_WORDS = {
    "queued": ("hourglass_empty", "waits for its turn"),
    "running": ("play_circle", "running"),
    "done": ("check_circle", "done"),
    "failed": ("error", "failed"),
    "cancelled": ("cancel", "cancelled"),
}
_SIZES: dict[str, tuple[str, dict[str, int]]] = {
    "quick": ("Quick look: 2 seeds", {"pictures": 2000, "held_out": 500, "steps": 250, "seeds": 2}),
    "full": ("Five seeds", {}),
}


def training_view() -> None:
    """Asking for a comparison, and all that were asked for."""
    asking, asked = st.columns([7, 13], gap="large")
    with asking:
        _ask()
    with asked:
        active = any(job.active for job in _jobs())
        st.fragment(_watch, run_every=_EVERY if active else _IDLE)(active)
        _studies()


def _ask() -> None:
    st.markdown("**Does the edit make a better network?**")
    st.caption(
        "Two small networks are trained alike on drawn faces, one with each table; few faces carry AU labels, so what "
        "the networks learn of AUs comes through the table. It goes on when you leave this page."
    )
    names, (base, edited) = choices(), usual()
    first = st.selectbox("Base", names, names.index(base), key="rel job base")
    second = st.selectbox("Edited", names, names.index(edited), key="rel job edited")
    truths = ["As edited", *names]
    truth = st.selectbox(
        "Faces are made by",
        truths,
        key="rel job truth",
        help="The table that decides which AUs the drawn faces show. The edited one: what is the edit worth if it is "
        "right? The base: what does it cost if it is wrong?",
    )
    size = st.segmented_control(
        "How much", list(_SIZES), default="quick", required=True, format_func=lambda s: _SIZES[s][0], key="rel job size"
    )
    data = st.text_input(
        "Or on real faces: folder of data sets",
        key="rel job data",
        placeholder="a folder on this machine",
        help="Of the recipe's sets, those that lie in the folder are used; then nothing is drawn.",
    ).strip()
    recipes = recipe.names()
    how = st.selectbox(
        "Recipe",
        recipes,
        recipes.index(_RECIPE),
        key="rel job recipe",
        help="How both are trained. “coupled” is small and quick; the others are meant for real faces and take hours.",
    )
    if first == second:
        st.caption("Choose two tables that differ.")
    st.button(
        "Start the comparison",
        type="primary",
        icon=":material/play_arrow:",
        disabled=first == second,
        on_click=partial(_start, first, second, None if truth == truths[0] else truth, size or "quick", data, how),
    )
    if problem := st.session_state.get("rel job problem"):
        st.error(problem, icon=":material/error:")


def _start(first: str, second: str, truth: str | None, size: str, data: str, how: str) -> None:
    st.session_state["rel job problem"] = ""
    try:
        tables = {"base": table_of(first), "edited": table_of(second)}
        if truth and not data:
            tables["truth"] = table_of(truth)
        asked: dict[str, Any] = {
            **tables,
            "names": (first, second),
            "budget": _SIZES[size][1],
            "data": data or None,
            "recipe": how,
        }
        st.session_state["rel job"] = jobs.start(_KIND, f"{first} against {second}", asked).id
    except FbnError as error:
        st.session_state["rel job problem"] = str(error)


def _jobs() -> list[Job]:
    try:
        return [job for job in jobs.jobs() if job.kind == _KIND]
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return []


def _watch(often: bool) -> None:
    found = _jobs()
    if any(job.active for job in found) != often:
        # the first has begun or the last has ended: look at another pace
        st.rerun()
    st.markdown("**Comparisons**", help="Everybody who uses this machine's app sees the same list.")
    if not found:
        st.info("None yet. Start one, and watch it here.", icon=":material/science:")
        return
    picked = st.session_state.get("rel job")
    opened = next((job for job in found if job.id == picked), found[0])
    for job in found[:12]:
        _line(job, job.id == opened.id)
    if len(found) > 12:
        st.caption(f"And {len(found) - 12} older ones: fbn jobs list shows them all.")


def _line(job: Job, opened: bool) -> None:
    icon, words = _WORDS[job.status]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            said = "stopping" if job.cancelling else words
            when = f"{job.created.astimezone():%d %b, %H:%M}"
            st.markdown(
                f":material/{icon}: **{plain(job.title)}** · {said}  \n:gray[{when} · {_lasted(job.seconds)}]",
                width="stretch",
            )
            if job.active:
                _button("Cancel", "stop", job, partial(_do, jobs.cancel), disabled=job.cancelling)
            else:
                if job.status != "done":
                    _button("Again", "refresh", job, partial(_do, jobs.restart))
                _button("Remove", "delete", job, partial(_do, jobs.remove))
            if not opened:
                _button("Show", "visibility", job, _show)
        if job.active:
            st.progress(job.share, text=f"{job.share:.0%} · {job.words}")
        elif job.status == "failed":
            st.error(job.words, icon=":material/error:")
        if opened:
            _opened(job)


def _studies() -> None:
    """The comparisons that ship with fbn: their plan was fixed before they ran, and whatever came out is shown."""
    try:
        folder = shipped(_STUDIES)
    except FbnError:
        return
    st.markdown("**Shipped with fbn**", help="Planned before it ran; whatever came out is shown.")
    for path in sorted(folder.rglob(RESULT)):
        with st.container(border=True):
            st.markdown(f"**{plain(path.parent.name.replace('-', ' ').capitalize())}**")
            show_result(json.loads(path.read_bytes()), path.parent.name)
    for path in sorted(folder.rglob("*.md")):
        with st.expander("The plan", icon=":material/assignment:"):
            # a page has one heading of the first rank, its own
            st.markdown(re.sub(r"^#", "####", path.read_text("utf-8"), flags=re.MULTILINE))


def _button(label: str, icon: str, job: Job, act: Any, disabled: bool = False) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"rel job {label} {job.id}",
        on_click=act,
        args=(job.id,),
        disabled=disabled,
    )


def _show(identifier: str) -> None:
    st.session_state["rel job"] = identifier


def _do(act: Any, identifier: str) -> None:
    st.session_state["rel job problem"] = ""
    try:
        act(identifier)
    except FbnError as error:
        st.session_state["rel job problem"] = str(error)


def _lasted(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _opened(job: Job) -> None:
    try:
        result = job.result() if job.status == "done" else None
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    if result is not None:
        show_result(result, job.id)
    if log := job.log(60):
        with st.expander("Log", icon=":material/terminal:"):
            st.code(log, language=None, height=240)


def show_result(result: Mapping[str, Any], key: str) -> None:
    """What came out of a comparison: a sentence, differences with their intervals, and every figure."""
    st.markdown(sentence(result))
    for line in cells(result):
        st.markdown(f"- {line}")
    st.plotly_chart(differences(result), config=charts.CONFIG, key=f"rel differences {key}")
    with st.expander("All figures", icon=":material/table:"):
        st.dataframe(figures(result), hide_index=True)

"""Which study one viewer of the Study page looks at; the address says it too."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from fbn import jobs
from fbn.errors import FbnError
from fbn.studies.folder import SUMMARY
from fbn.studies.read import StudyResult, committed
from fbn.ui.widgets import pick

OPEN, VIEW, PATHS, PROBLEM = "study open", "study view", "study paths", "study problem"
#: A view's name that others lead to.
FOUND = "What was found"


@dataclass(frozen=True)
class Choice:
    """A study to look at: what stands in the address, its title, its folder."""

    key: str
    title: str
    folder: Path


def choices() -> dict[str, Choice]:
    """What ships with fbn, folders that this session or the address opened, the jobs that are done."""
    _open_named()
    found = [Choice(name, f"{_words(name)} (ships with fbn)", folder) for name, folder in committed()]
    found += [Choice(str(path), f"{path.name} (folder)", path) for path in st.session_state.get(PATHS, [])]
    try:
        done = [job for job in jobs.jobs() if job.kind == "study" and job.status == "done"]
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        done = []
    found += [Choice(job.id, f"{job.title}, {job.created.astimezone():%d %b %H:%M}", job.folder) for job in done]
    return {choice.key: choice for choice in found}


def _open_named() -> None:
    """A folder that the address names, as it does once one was opened: a reload and a link find it again."""
    named, known = st.query_params.get("study", ""), st.session_state.get(PATHS, [])
    path = Path(named)
    if path.is_absolute() and path not in known and (path / SUMMARY).is_file():
        st.session_state[PATHS] = [*known, path]


def picked(found: dict[str, Choice]) -> Choice:
    """The picker; ``found`` is not empty."""
    pick(
        st.selectbox,
        "Study",
        OPEN,
        lambda: st.session_state.update({PROBLEM: ""}),
        options=list(found),
        format_func=lambda k: found[k].title,
        width=420,
        help="Those that ship with fbn, folders opened here, and studies run here.",
    )
    return found[st.session_state[OPEN]]


def show(key: str, view: str = FOUND) -> None:
    """Open a study. To be called before the page's widgets are drawn: from a button's callback."""
    st.session_state.update({OPEN: key, VIEW: view})


def open_folder() -> None:
    """A study that lies elsewhere on this machine."""
    with st.popover("Open a folder", icon=":material/folder_open:"), st.form("study folder", border=False):
        st.text_input("Folder that fbn study wrote", key="study path", placeholder="runs/affect-synthetic-small")
        st.form_submit_button("Open it", type="primary", on_click=_open)


def _open() -> None:
    named = st.session_state["study path"].strip()
    path = Path(named).expanduser().resolve()
    st.session_state[PROBLEM] = "" if named else "Name a folder first."
    if not named:
        return
    try:
        StudyResult.read(path)
    except FbnError as error:
        st.session_state[PROBLEM] = str(error)
        return
    st.session_state[PATHS] = list(dict.fromkeys([*st.session_state.get(PATHS, []), path]))
    show(str(path))


def _words(name: str) -> str:
    return name.replace("-", " ").replace("/", ", ").capitalize()

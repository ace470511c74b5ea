"""What one viewer of the Compound page has open, what is said of what was done, and work that goes on."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from fbn.ui.compound.work import Work

#: Keys of the viewer's state; the first two are choices of ``widgets.place``.
OPEN, VIEW, STARTING, DELETED, SAID, PROBLEM = (
    "compound set",
    "compound view",
    "compound starting",
    "compound deleted",
    "compound said",
    "compound problem",
)


def open_set(name: str, view: str = "Pictures") -> None:
    """Show a set. To be called before the page's widgets are drawn: from a button's callback."""
    st.session_state.update({OPEN: name, VIEW: view, STARTING: False})


def say(kind: str, words: str) -> None:
    """Say something: ``"done"`` or ``"left"`` (out)."""
    st.session_state[SAID] = [*st.session_state.get(SAID, []), (kind, words)]


def refuse(words: str) -> None:
    """Say why something cannot be done."""
    st.session_state[PROBLEM] = words


def said() -> None:
    """What was just done, and what could not be done; it stays until something else is."""
    for kind, words in st.session_state.get(SAID, []):
        if kind == "done":
            st.success(words, icon=":material/check_circle:")
        else:
            st.warning(words, icon=":material/info:")
    if problem := st.session_state.get(PROBLEM):
        st.error(problem, icon=":material/error:")


def fresh(act: Callable[[], Any] = lambda: None) -> Callable[[], None]:
    """Something to do on a click; what was said before is said no more."""

    def do() -> None:
        st.session_state.update({SAID: [], PROBLEM: ""})
        act()

    return do


def working(key: str, end: Callable[[Any], None]) -> bool:
    """How far the work kept under a key is, if any goes on; ``end`` is given its result, on the run after.

    Returns:
        Whether it goes on.
    """
    work: Work | None = st.session_state.get(key)
    if work is None:
        return False
    if work.progress().running:
        st.fragment(_progress, run_every=0.5)(work, key)
        return True
    del st.session_state[key]
    now = work.progress()
    if now.problem:
        st.error(now.problem, icon=":material/error:")
    elif now.result is not None:
        end(now.result)
    return False


def _progress(work: Work, key: str) -> None:
    now = work.progress()
    if not now.running:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.progress(now.share, f"{work.words}: {now.share:.0%}")
        st.button("Stop", icon=":material/close:", on_click=work.cancel, key=f"{key} stop")


def button(label: str, act: Callable[[], Any], **how: Any) -> None:
    """A button of a view, which is a fragment: after it the whole page is drawn again."""
    if st.button(label, on_click=fresh(act), **how):
        st.rerun()

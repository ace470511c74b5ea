"""Helpers shared by the views of the Compound page: state, messages, uploads, and background work."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from fbn.context import Background, Cancelled
from fbn.data.picture_sets import AddedPictures, Incoming
from fbn.errors import FbnError
from fbn.faces.pictures import PICTURE_SUFFIXES

#: Keys of the session's state; the first two are choices of ``widgets.sync_with_url``.
OPEN, VIEW, STARTING, DELETED = "compound set", "compound view", "compound starting", "compound deleted"
_MESSAGES, _PROBLEM = "compound messages", "compound problem"
_UPLOAD_TYPES = [*(suffix.removeprefix(".") for suffix in sorted(PICTURE_SUFFIXES)), "zip"]
_MAX_LISTED = 8


def open_set(name: str, view: str = "Pictures") -> None:
    """Open a set. Only valid in callbacks, before the page's widgets are drawn."""
    st.session_state.update({OPEN: name, VIEW: view, STARTING: False})


def report_success(text: str) -> None:
    """Add a success message."""
    st.session_state.setdefault(_MESSAGES, []).append((st.success, text, "check_circle"))


def report_added(name: str, added: AddedPictures) -> None:
    """Add messages with the number of pictures added to a set and the rejected files."""
    count = len(added.names)
    pictures = f"{count:,} picture{'' if count == 1 else 's'} " if count else ""
    report_success(f"“{name}”: {pictures}taken.")
    if added.rejected:
        more = len(added.rejected) - _MAX_LISTED
        lines = [*added.rejected[:_MAX_LISTED], *([f"and {more:,} more"] if more > 0 else [])]
        text = "  \n".join(["Left out:", *lines])
        st.session_state[_MESSAGES].append((st.warning, text, "info"))


def report_problem(text: object) -> None:
    """Set the error message."""
    st.session_state[_PROBLEM] = str(text)


def show_messages() -> None:
    """Show the messages; they stay until the next action."""
    for show, text, icon in st.session_state.get(_MESSAGES, []):
        show(text, icon=f":material/{icon}:")
    if problem := st.session_state.get(_PROBLEM):
        st.error(problem, icon=":material/error:")


def clearing_messages(action: Callable[[], Any] = lambda: None) -> Callable[[], None]:
    """Return a callback that clears messages and runs an action; an ``FbnError`` or ``OSError`` becomes the message."""

    def callback() -> None:
        st.session_state.update({_MESSAGES: [], _PROBLEM: ""})
        try:
            action()
        except (FbnError, OSError) as error:
            report_problem(error)

    return callback


def page_button(label: str, action: Callable[[], Any], **options: Any) -> None:
    """Draw a button in a fragment whose action reruns the whole page."""
    if st.button(label, on_click=clearing_messages(action), **options):
        st.rerun()


def uploaded_pictures(key: str) -> list[Incoming]:
    """Draw a file picker for pictures and zip files; return name and contents of each file."""
    files = st.file_uploader("Pictures or a zip", _UPLOAD_TYPES, accept_multiple_files=True, key=key)
    return [(file.name, file.getvalue) for file in files or []]


class Work(Background):
    """A function that runs on a thread for a minute or two.

    Args:
        label: description for the progress bar.
        function: called with a function that takes the progress, in [0, 1]. It must call that function often, since
            the call raises ``Cancelled`` once the work is cancelled.

    Attributes:
        progress: in [0, 1].
        result: return value of ``function``; None if it was cancelled or failed.
        problem: the error message, or "".
    """

    def __init__(self, label: str, function: Callable[[Callable[[float], None]], Any]) -> None:
        self.label, self.progress, self.result, self.problem = label, 0.0, None, ""
        self._function = function
        super().__init__()

    def _run(self) -> None:
        try:
            self.result = self._function(self._report)
        except Cancelled:
            pass
        except (FbnError, OSError) as error:
            self.problem = str(error)
        except Exception as error:  # an exception in a thread would not be shown
            self.problem = f"{type(error).__name__}: {error}"

    def _report(self, progress: float) -> None:
        if self.cancelled:
            raise Cancelled
        self.progress = progress


def show_work(key: str, finish: Callable[[Any], None]) -> bool:
    """Show the progress of the ``Work`` in the session's state; when it is done, call ``finish`` with the result.

    Returns:
        Whether the work is running.
    """
    work: Work | None = st.session_state.get(key)
    if work is None:
        return False
    if work.running:
        st.fragment(_progress, run_every=0.5)(work, key)
        return True
    del st.session_state[key]
    if work.problem:
        st.error(work.problem, icon=":material/error:")
    elif work.result is not None:
        finish(work.result)
    return False


def _progress(work: Work, key: str) -> None:
    if not work.running:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.progress(work.progress, f"{work.label}: {work.progress:.0%}")
        st.button("Stop", icon=":material/close:", on_click=work.cancel, key=f"{key} stop")

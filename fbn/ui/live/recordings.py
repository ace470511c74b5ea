"""The list of recordings below the live video: download, delete, or end a recording whose page was closed."""

import streamlit as st

from fbn.errors import FbnError
from fbn.inference import recordings
from fbn.inference.recordings import Entry, Recording
from fbn.jobs.durations import in_words

_PICKED, _NEWEST = "live_recording", "live_recording_newest"
_FILE, _PROBLEM = "live_recording_file", "live_recording_problem"
#: Seconds without a frame after which the user may end another page's recording.
_QUIET = 3.0


def show_problem(problem: str) -> None:
    """Set the error message above the list; "" removes it."""
    st.session_state[_PROBLEM] = problem


def show_recordings(current: Recording | None) -> None:
    """Show all recordings of this machine, with controls for the picked one.

    Args:
        current: this session's recording, or None; the page shows its state elsewhere.
    """
    if problem := st.session_state.get(_PROBLEM):
        st.error(problem, icon=":material/error:")
    try:
        entries = recordings.entries()
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    for entry in entries:
        if entry.unfinished and (entry.recording is None or entry.recording is not current):
            _other(entry)
    finished = {entry.path.name: entry for entry in entries if not entry.unfinished}
    if not finished:
        return
    newest = next(iter(finished))
    if st.session_state.get(_NEWEST) != newest or st.session_state.get(_PICKED) not in finished:
        st.session_state.update({_NEWEST: newest, _PICKED: newest})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            f"Recordings ({len(finished)})",
            list(finished),
            format_func=lambda name: _label(finished[name]),
            key=_PICKED,
        )
        st.download_button(
            "Download CSV", _contents(finished[name]), name, icon=":material/download:", on_click="ignore"
        )
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown(f"Delete **{_label(finished[name])}** for good?")
            st.button("Delete it", type="primary", on_click=_delete, args=(finished[name],))
    st.caption(f"Kept in `{recordings.folder()}` until you delete them.")


def _label(entry: Entry) -> str:
    return f"{entry.began:%d %b %Y, %H:%M:%S} · {in_words(entry.seconds)} · {entry.rows:,} rows"


def _contents(entry: Entry) -> bytes:
    """Return the recording's bytes; those of the last one are cached, since the list is redrawn continuously."""
    cached, contents = st.session_state.get(_FILE, (None, b""))
    if cached != (entry.path, entry.size):
        try:
            contents = entry.path.read_bytes()
        except OSError as error:
            st.error(f"{entry.path.name} cannot be read ({error.strerror or error})", icon=":material/error:")
            return b""
        st.session_state[_FILE] = ((entry.path, entry.size), contents)
    return contents


def _other(entry: Entry) -> None:
    """Show a recording of another page: one that was just closed or reloaded, or another user's."""
    recording = entry.recording
    with st.container(horizontal=True, vertical_alignment="center"):
        text = f":red[●] Another page records since {entry.began:%H:%M:%S}"
        if recording is None:
            st.caption(f"{text}, in another process of this app.")
            return
        st.caption(f"{text}: {recording.frames:,} frames, the last {in_words(recording.idle)} ago.")
        if recording.idle > _QUIET:
            st.button("End it", key=f"end {entry.path.name}", on_click=recording.end)


def _delete(entry: Entry) -> None:
    try:
        recordings.delete(entry.path)
        show_problem("")
    except FbnError as error:
        show_problem(str(error))

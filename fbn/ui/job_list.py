"""A list of background jobs of one kind: start, watch, cancel and open them. Jobs outlive the page and the browser."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from fbn import jobs
from fbn.errors import FbnError
from fbn.jobs import Job, durations
from fbn.ui.widgets import escape_markdown

#: Seconds between updates while a job waits or runs, and otherwise, since another user may start one.
_EVERY, _IDLE = 2.0, 15.0
_MAX_SHOWN = 12
_STATUS = {
    "queued": ("hourglass_empty", "waits for its turn"),
    "running": ("play_circle", "running"),
    "done": ("check_circle", "done"),
    "failed": ("error", "failed"),
    "cancelled": ("cancel", "cancelled"),
}


@dataclass(frozen=True)
class JobList:
    """A list of the jobs of one kind.

    Attributes:
        kind: one of ``fbn.jobs.kinds.KINDS``.
        key: key of the session's state; unique to each page.
        title: title of the list.
        nothing: message and icon of an empty list.
        show: draws the result of a finished job.
    """

    kind: str
    key: str
    title: str
    nothing: tuple[str, str]
    show: Callable[[Job, Any], None]

    def watch(self) -> None:
        """Draw the list; it updates itself."""
        active = any(job.active for job in self._jobs())
        st.fragment(self._watch, run_every=_EVERY if active else _IDLE)(active)

    def start(self, title: str, parameters: Mapping[str, Any]) -> None:
        """Start a job and open it; if that fails, ``problem`` shows the error."""
        self.set_problem("")
        try:
            st.session_state[self.key] = jobs.start(self.kind, title, parameters).id
        except FbnError as error:
            self.set_problem(str(error))

    def set_problem(self, message: str) -> None:
        """Store an error message for ``problem``; "" removes it."""
        st.session_state[f"{self.key} problem"] = message

    def problem(self) -> None:
        """Show the error message of the last action, if it failed."""
        if message := st.session_state.get(f"{self.key} problem"):
            st.error(message, icon=":material/error:")

    def _jobs(self) -> list[Job]:
        try:
            return [job for job in jobs.jobs() if job.kind == self.kind]
        except FbnError as error:
            st.error(str(error), icon=":material/error:")
            return []

    def _watch(self, often: bool) -> None:
        entries = self._jobs()
        if any(job.active for job in entries) != often:
            # the first job has started or the last has ended: change the update interval
            st.rerun()
        st.markdown(f"**{self.title}**", help="Everybody who uses this machine's app sees the same list.")
        if not entries:
            message, icon = self.nothing
            st.info(message, icon=f":material/{icon}:")
            return
        picked = st.session_state.get(self.key)
        opened = next((job for job in entries if job.id == picked), entries[0])
        for job in entries[:_MAX_SHOWN]:
            self._line(job, job.id == opened.id)
        if len(entries) > _MAX_SHOWN:
            st.caption(f"And {len(entries) - _MAX_SHOWN} older ones: fbn jobs list shows them all.")

    def _line(self, job: Job, opened: bool) -> None:
        icon, label = _STATUS[job.status]
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                status = "stopping" if job.cancelling else label
                when = f"{job.created.astimezone():%d %b, %H:%M} · {durations.in_words(job.seconds)}"
                st.markdown(
                    f":material/{icon}: **{escape_markdown(job.title)}** · {status}  \n:gray[{when}]",
                    width="stretch",
                )
                if job.active:
                    self._button("Cancel", "stop", job, partial(self._do, jobs.cancel), disabled=job.cancelling)
                else:
                    if job.status != "done":
                        self._button("Again", "refresh", job, partial(self._do, jobs.restart))
                    self._button("Remove", "delete", job, partial(self._do, jobs.remove))
                if not opened:
                    self._button("Show", "visibility", job, self._pick)
            if job.active:
                st.progress(
                    job.progress,
                    text=f"{job.progress:.0%} · {escape_markdown(job.message)}{durations.countdown(self._left(job))}",
                )
            elif job.status == "failed":
                st.error(job.message, icon=":material/error:")
            if opened:
                self._opened(job)

    def _left(self, job: Job) -> float | None:
        """Return the seconds left; for a restarted job, extrapolated from its progress since the restart."""
        if job.status != "running":
            return None
        seconds, progress = 0.0, 0.0
        if job.queued != job.created:
            at_restart = st.session_state.setdefault(f"{self.key} seen", {})
            seconds, progress = at_restart.setdefault((job.id, job.queued), (job.seconds, job.progress))
        return durations.left(
            job.seconds - seconds, (job.progress - progress) / (1 - progress) if progress < 1 else 1.0
        )

    def _button(self, label: str, icon: str, job: Job, act: Any, disabled: bool = False) -> None:
        st.button(
            label,
            icon=f":material/{icon}:",
            key=f"{self.key} {label} {job.id}",
            on_click=act,
            args=(job.id,),
            disabled=disabled,
        )

    def _pick(self, identifier: str) -> None:
        st.session_state[self.key] = identifier

    def _do(self, act: Any, identifier: str) -> None:
        self.set_problem("")
        try:
            act(identifier)
        except FbnError as error:
            self.set_problem(str(error))

    def _opened(self, job: Job) -> None:
        try:
            result = job.result() if job.status == "done" else None
        except FbnError as error:
            st.error(str(error), icon=":material/error:")
            return
        if result is not None:
            self.show(job, result)
        if log := job.log(60):
            with st.expander("Log", icon=":material/terminal:"):
                st.code(log, language=None, height=240)

"""The jobs of one kind, for any page: start, watch, cancel and open them; they outlive the page and the browser."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from fbn import jobs
from fbn.errors import FbnError
from fbn.jobs import Job, durations
from fbn.ui.widgets import escape_markdown as plain

#: Seconds between two updates while a job waits or runs; and while none does, since others may start one.
_EVERY, _IDLE = 2.0, 15.0
_MOST = 12
_WORDS = {
    "queued": ("hourglass_empty", "waits for its turn"),
    "running": ("play_circle", "running"),
    "done": ("check_circle", "done"),
    "failed": ("error", "failed"),
    "cancelled": ("cancel", "cancelled"),
}


@dataclass(frozen=True)
class JobList:
    """The jobs of one kind.

    Attributes:
        kind: of ``fbn.jobs.kinds.KINDS``.
        key: where the viewer's state is kept; another one for each page.
        title: above the list.
        nothing: message and icon where there is none.
        show: draws the result of a finished job.
    """

    kind: str
    key: str
    title: str
    nothing: tuple[str, str]
    show: Callable[[Job, Any], None]

    def watch(self) -> None:
        """The list, which updates itself."""
        active = any(job.active for job in self._jobs())
        st.fragment(self._watch, run_every=_EVERY if active else _IDLE)(active)

    def start(self, title: str, parameters: Mapping[str, Any]) -> None:
        """Start a job and open it; where that fails, ``problem`` shows why."""
        self.refuse("")
        try:
            st.session_state[self.key] = jobs.start(self.kind, title, parameters).id
        except FbnError as error:
            self.refuse(str(error))

    def refuse(self, words: str) -> None:
        """Store why something cannot be done, for ``problem``; "" removes it."""
        st.session_state[f"{self.key} problem"] = words

    def problem(self) -> None:
        """Show what went wrong with the last action, if anything did."""
        if words := st.session_state.get(f"{self.key} problem"):
            st.error(words, icon=":material/error:")

    def _jobs(self) -> list[Job]:
        try:
            return [job for job in jobs.jobs() if job.kind == self.kind]
        except FbnError as error:
            st.error(str(error), icon=":material/error:")
            return []

    def _watch(self, often: bool) -> None:
        entries = self._jobs()
        if any(job.active for job in entries) != often:
            # the first has begun or the last has ended: update at another pace
            st.rerun()
        st.markdown(f"**{self.title}**", help="Everybody who uses this machine's app sees the same list.")
        if not entries:
            words, icon = self.nothing
            st.info(words, icon=f":material/{icon}:")
            return
        picked = st.session_state.get(self.key)
        opened = next((job for job in entries if job.id == picked), entries[0])
        for job in entries[:_MOST]:
            self._line(job, job.id == opened.id)
        if len(entries) > _MOST:
            st.caption(f"And {len(entries) - _MOST} older ones: fbn jobs list shows them all.")

    def _line(self, job: Job, opened: bool) -> None:
        icon, words = _WORDS[job.status]
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                status = "stopping" if job.cancelling else words
                when = f"{job.created.astimezone():%d %b, %H:%M} · {durations.in_words(job.seconds)}"
                st.markdown(
                    f":material/{icon}: **{plain(job.title)}** · {status}  \n:gray[{when}]",
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
                    job.share, text=f"{job.share:.0%} · {plain(job.words)}{durations.countdown(self._left(job))}"
                )
            elif job.status == "failed":
                st.error(job.words, icon=":material/error:")
            if opened:
                self._opened(job)

    def _left(self, job: Job) -> float | None:
        """Seconds left; of a restarted job, which had part of its work done already, by its pace since then."""
        if job.status != "running":
            return None
        seconds, share = 0.0, 0.0
        if job.queued != job.created:
            seen = st.session_state.setdefault(f"{self.key} seen", {})
            seconds, share = seen.setdefault((job.id, job.queued), (job.seconds, job.share))
        return durations.left(job.seconds - seconds, (job.share - share) / (1 - share) if share < 1 else 1.0)

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
        self.refuse("")
        try:
            act(identifier)
        except FbnError as error:
            self.refuse(str(error))

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

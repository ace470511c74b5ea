"""The Analyse page."""

from functools import partial
from itertools import islice

import numpy as np
import streamlit as st

from fbn.inference import FaceResult, FrameResult
from fbn.inference.export import layout_of, table_bytes, to_pandas
from fbn.inference.uploads import AnalysisJob
from fbn.ui import charts, shell
from fbn.ui.panels import CompoundChoice, pick_compounds, show_picture

_STATE = "analysis"  # (files and options, the job)
_COMPOUNDS = "analyse_compounds"
#: Rows shown on the page; more would only slow down the browser.
_MAX_SHOWN = 1000


def choose() -> AnalysisJob | None:
    """Draw the file picker and options; return their job, a new one if any of them changed. None without files."""
    files = st.file_uploader("Pictures or videos", accept_multiple_files=True, key="files")
    with st.container(horizontal=True):
        if st.button("Use the sample picture", icon=":material/image:", disabled=bool(files)):
            st.session_state["sample"] = True
        with st.popover("Options", icon=":material/tune:"):
            st.session_state[_COMPOUNDS] = picked = pick_compounds(shell.model_name(), "analyse compounds")
            smooth = st.toggle("Smooth videos", help="Adds columns with the median over 5 frames; raw columns stay.")
            every = st.number_input("Read every n-th frame of videos", 1, 100, 1, help="1 reads them all.")
    if files:
        st.session_state["sample"] = False
    sample = st.session_state.get("sample", False)
    if not files and not sample:
        _forget()
        return None
    request = (tuple(file.file_id for file in files) or "sample", shell.model_state(), smooth, every, picked.classes)
    before, job = st.session_state.get(_STATE, (None, None))
    if before != request:
        _forget()
        uploads = [(file.name, file.getvalue()) for file in files] or [("astronaut.png", shell.sample_file())]
        job = AnalysisJob(shell.make_analyser("median" if smooth else None, picked.classes), uploads, int(every))
        st.session_state[_STATE] = (request, job)
        if job.wait(1.0):  # no progress bar for a few pictures
            return job
    return job


def _forget() -> None:
    _, job = st.session_state.pop(_STATE, (None, None))
    if job:
        job.cancel()


def show_instructions() -> None:
    """Show instructions."""
    st.info("Drop pictures or a video above, or try the sample picture.", icon=":material/face:")


def show(job: AnalysisJob) -> None:
    """Show the job's progress; once it is done, errors and results."""
    if job.running:
        st.fragment(_progress, run_every=0.5)(job)
        return
    if job.cancelled:
        st.info(f"Stopped after {job.frames:,} frames; what was read until then is below.")
    for problem in job.problems:
        st.error(problem, icon=":material/broken_image:")
    for note in job.notes:
        st.info(note, icon=":material/info:")
    results = job.results
    if not results:
        return
    name = next(iter(results))
    if len(results) > 1:
        name = st.selectbox("File", list(results), key="file")
    _show_file(job, name, results[name])
    _table([result for part in results.values() for result in part])


def _progress(job: AnalysisJob) -> None:
    if not job.running:
        st.rerun()
    st.progress(job.progress, f"{job.name or 'Opening'}: {job.frames:,} frames read")
    st.button("Cancel", icon=":material/close:", on_click=job.cancel)


@st.fragment
def _show_file(job: AnalysisJob, name: str, results: list[FrameResult]) -> None:
    previews = job.previews[name]
    picked: CompoundChoice = st.session_state.get(_COMPOUNDS, CompoundChoice())
    if len(previews) == 1:
        show_picture(previews[0], compounds=picked.shown)
        return
    times = [preview.result.timestamp for preview in previews]
    index = st.select_slider(
        "Frame", range(len(previews)), format_func=lambda i: f"{times[i]:.2f} s", key=f"frame of {name}"
    )
    preview = previews[index]
    face = show_picture(preview, key=name, compounds=picked.shown)
    _over_time(results, face, times[index])


def _over_time(results: list[FrameResult], face: FaceResult | None, now: float) -> None:
    ids = sorted({face.face_id for result in results for face in result.faces})
    if not ids:
        return
    face_id = face.face_id if face else ids[0]
    st.markdown(f"**Over time**, face {face_id}")
    faces = [next((f for f in result.faces if f.face_id == face_id), None) for result in results]
    points = np.array([f.shown.valence_arousal if f else (np.nan, np.nan) for f in faces])
    figure = charts.time_line([r.timestamp for r in results], points[:, 0].tolist(), points[:, 1].tolist(), now)
    text = f"Valence and arousal of face {face_id} over time, two lines between −1 and 1."
    st.plotly_chart(figure, config=charts.CONFIG, key="analyse_time_line", alt=text)


def _table(results: list[FrameResult]) -> None:
    st.subheader("Table")
    rows = sum(max(1, len(result.faces)) for result in results)
    shown = to_pandas(islice(results, _MAX_SHOWN), *layout_of(results)).head(_MAX_SHOWN)
    st.dataframe(shown, hide_index=True)
    if rows > _MAX_SHOWN:
        st.caption(f"The first {_MAX_SHOWN:,} of {rows:,} rows; downloads hold them all.")
    with st.container(horizontal=True):
        for label, suffix in (("Download CSV", ".csv"), ("Download Parquet", ".parquet")):
            st.download_button(
                label,
                partial(table_bytes, results, suffix),
                f"fbn{suffix}",
                icon=":material/download:",
                on_click="ignore",
            )

"""The Live page's parts."""

import streamlit as st

from fbn.inference import FaceResult
from fbn.ui import charts, shell, tables
from fbn.ui.effect_view import conflict_panel
from fbn.ui.jobs import Preview
from fbn.ui.live import LiveSession
from fbn.ui.panels import (
    action_unit_panel,
    circumplex_panel,
    expression_panel,
    face_name,
    show_picture,
)
from fbn.ui.prior import pick_table
from fbn.ui.scores import Picked, compound_panel, pick_compounds, terms_panel
from fbn.ui.uploads import read_upload
from fbn.ui.webcam import webcam

_EVERY = 0.7  # seconds between two looks at the session: figures for the eye, not the record

_TABLE, _COMPOUNDS = "live_table", "live_compounds"
_MOST_CONFLICTS = 5


def choose() -> tuple[str, LiveSession]:
    """Where pictures come from, and this viewer's session on the picked model and options."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choices = ["Webcam", "Picture"]
        source = st.segmented_control("Source", choices, default="Webcam", required=True, key="live_source")
        return source or "Webcam", _session()


def webcam_view(session: LiveSession) -> None:
    """The video with its controls, its figures beside and below."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        playing = webcam(session)
        every = _EVERY if playing else None
        st.fragment(_handles, run_every=every)(session, playing)
    with right:
        st.fragment(_figures, run_every=every)(session, playing)
    st.fragment(_details, run_every=every)(session)


def _session() -> LiveSession:
    session: LiveSession = st.session_state.setdefault("live", LiveSession())
    with st.popover("Options", icon=":material/tune:"):
        smooth = st.toggle("Smooth", True, help="Calms the figures with a one-euro filter. A recording keeps both.")
        gauges = st.toggle("Gauges in the video", True, help="Bars and circumplex that move with every frame.")
        mirror = st.toggle("Mirror", True, help="Show, read and record the picture as a mirror would.")
        st.session_state[_COMPOUNDS] = picked = pick_compounds(shell.model_name(), "live compounds")
        _conflict_options()
    wanted = (shell.model_state(), smooth, picked.classes)
    if st.session_state.get("live_analyser") != wanted:
        session.use(shell.make_analyser("one_euro" if smooth else None, picked.classes))
        st.session_state["live_analyser"] = wanted
    session.set(gauges=gauges, mirror=mirror)
    return session


def _conflict_options() -> None:
    wanted = st.toggle("Conflicts", key="live_conflicts", help="Where expression and action units contradict a table.")
    st.session_state[_TABLE] = pick_table("live table") if wanted else None


def _conflicts(face: FaceResult) -> None:
    table = st.session_state.get(_TABLE)
    if table is not None:
        conflict_panel(face.smoothed or face.affect, table, _MOST_CONFLICTS)


def _compounds_shown() -> bool:
    picked: Picked = st.session_state.get(_COMPOUNDS, Picked())
    return picked.shown


def _handles(session: LiveSession, playing: bool) -> None:
    """What the viewer works, and what came of it.

    Timed, though no control moves by itself: what a click draws is lost where another timed fragment is asked for just
    as the click's run ends (Streamlit then begins a new runner and drops what the old one still had to say).
    """
    _controls(session, playing)
    _status(session)


def _controls(session: LiveSession, playing: bool) -> None:
    """Freeze, snapshot, record.

    Files are made on one click and downloaded with another: Streamlit would make them on the download's own click, but
    drops such a file after the next two runs of any timed fragment, before a slow browser has fetched it.
    """
    state = st.session_state
    with st.container(horizontal=True, vertical_alignment="center"):
        session.set(frozen=st.toggle("Freeze", key="freeze", disabled=not playing) and playing)
        if session.view().recording:
            st.button("Stop recording", icon=":material/stop:", type="primary", on_click=_stop, args=(session,))
        else:
            st.button("Record", icon=":material/fiber_manual_record:", on_click=session.record, disabled=not playing)
        if st.button("Snapshot", icon=":material/photo_camera:", disabled=not playing):
            state["snapshot"] = tables.png_bytes(session.picture())
    with st.container(horizontal=True, vertical_alignment="center"):
        if state.get("snapshot"):
            st.image(state["snapshot"], width=80)
            _download("Download PNG", state["snapshot"], "fbn-snapshot.png")
        if state.get("recording"):
            _download("Download CSV", state["recording"], "fbn-live.csv")


def _stop(session: LiveSession) -> None:
    session.stop_recording()
    st.session_state["recording"] = tables.table_bytes(session.recorded(), ".csv")


def _download(label: str, contents: bytes, name: str) -> None:
    st.download_button(label, contents, name, icon=":material/download:", on_click="ignore")


def _status(session: LiveSession) -> None:
    """What is being recorded, what failed, and which face the figures show."""
    view = session.view()
    if view.recorded:
        state = ":red[●] Recording" if view.recording else "Recorded"
        st.caption(f"{state}: {view.recorded:,} frames")
    if view.errors:
        of = view.frames + view.errors
        st.warning(f"{view.errors} of {of} frames could not be read; the last one because of {view.error}")
    if view.result and len(view.result.faces) > 1:
        choices = [None, *(face.face_id for face in view.result.faces)]
        names = {face.face_id: face_name(face) for face in view.result.faces} | {None: "Largest"}
        picked = st.segmented_control("Show", choices, default=None, format_func=names.__getitem__, key="live_face")
        session.set(face_id=picked)


def _figures(session: LiveSession, playing: bool) -> None:
    """Speed, expression, circumplex; or what to do first."""
    view = session.view()
    if view.face is None:
        with st.container(border=True):
            if not playing:
                st.markdown("##### :material/videocam: Start the camera and allow it in the browser")
                st.markdown("The picture is read on the machine that runs this app and is not kept.")
            elif view.frames == 0:
                st.markdown("##### :material/hourglass_empty: Waiting for the first frame")
                st.markdown("If none comes: is the camera in use elsewhere, or its picture behind a firewall?")
            else:
                st.markdown("##### :material/face: No face in view")
                st.markdown("Look at the camera, with light on your face, at arm's length.")
    if playing and view.frames:
        with st.container(horizontal=True):
            st.metric("Frames/s", f"{view.fps:.0f}", width=90)
            helped = "Median time from a frame's arrival at the server to its finished drawing."
            st.metric("Delay", f"{view.median_ms:.0f} ms", help=helped, width=100)
            helped = "95 of 100 frames took no longer than this."
            st.metric("95 % within", f"{view.p95_ms:.0f} ms", help=helped, width=130)
    if view.face:
        affect = view.face.smoothed or view.face.affect
        expression_panel(affect)
        if affect.scorer and _compounds_shown():
            compound_panel(affect)
            if view.settings.frozen:
                terms_panel(affect)
        circumplex_panel(view.trail)


def _details(session: LiveSession) -> None:
    """Action units and the time line."""
    view = session.view()
    if view.face is None:
        return
    _conflicts(view.face)
    action_unit_panel(view.face.smoothed or view.face.affect)
    st.markdown("**Over time**")
    figure = charts.time_line(view.seconds, view.valence, view.arousal)
    st.plotly_chart(figure, config=charts.CONFIG, key="live_time_line")


def picture_view() -> None:
    """A single picture where there is no camera to stream."""
    choices = ["Sample", "Upload", "Take a photo"]
    source = st.segmented_control("Picture", choices, default="Sample", required=True, key="picture_source")
    if source == "Sample":
        image = shell.sample_picture()
        st.caption(shell.SAMPLE_CREDIT)
    else:
        widget = st.file_uploader if source == "Upload" else st.camera_input
        upload = widget("A picture of a face")
        if upload is None:
            st.info("The figures appear here once there is a picture.", icon=":material/face:")
            return
        image = read_upload(upload)
    picked: Picked = st.session_state[_COMPOUNDS]
    result = shell.make_analyser(None, picked.classes).picture(image)
    face = show_picture(Preview.of(image, result), compounds=picked.shown)
    if face is not None:
        _conflicts(face)

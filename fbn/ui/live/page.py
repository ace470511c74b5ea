"""The Live page."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fbn.errors import FbnError
from fbn.faces.frames import VIDEO_SUFFIXES
from fbn.faces.pictures import png_bytes
from fbn.inference import FaceResult
from fbn.inference.live import WEBCAM, LiveSession, LiveView
from fbn.inference.uploads import Preview
from fbn.jobs.durations import in_words
from fbn.synthetic.playback import DrawnPlayback, FilePlayback, Playback
from fbn.ui import charts, shell
from fbn.ui.effect_view import conflict_panel, pick_table
from fbn.ui.live.recordings import show_problem, show_recordings
from fbn.ui.live.webcam import Problem, play, start_video, watch, webcam
from fbn.ui.panels import (
    CompoundChoice,
    action_unit_panel,
    circumplex_panel,
    compound_panel,
    expression_panel,
    face_name,
    pick_compounds,
    show_picture,
    terms_panel,
)
from fbn.ui.widgets import choose_one, pick, pick_view

#: Seconds between updates of the page while the session plays and after it stopped; recordings have every frame.
_EVERY, _IDLE = 0.7, 1.0
_SOURCE, _CLIP, _WHICH = "live_source", "Clip", "live_clip"

_TABLE, _COMPOUNDS = "live_table", "live_compounds"
_MAX_CONFLICTS = 5


def choose() -> tuple[str, LiveSession]:
    """Return the chosen source of pictures, and this user's session with the picked model and options."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # stored apart from the widget: the browser may still send the old choice after the page has changed it
        source = st.session_state.setdefault(_SOURCE, "Webcam")
        pick(st.segmented_control, "Source", _SOURCE, options=["Webcam", _CLIP, "Picture"], required=True)
        return source, _session()


def video_view(session: LiveSession, source: str) -> None:
    """Show the webcam's video or a clip with its controls, and the predictions beside and below it."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        playing = _video(session, source)
        if not playing:  # stopped, or the user came back after closing the page: end the stream
            session.ended()
        # after the video has stopped, the page still shows the seconds since then
        every = _EVERY if playing else _IDLE if session.view().frames else None
        st.fragment(_control_panel, run_every=every)(session, playing, source)
    with right:
        st.fragment(_predictions, run_every=every)(session, playing, source)
    st.fragment(_details, run_every=every)(session, playing)


def _video(session: LiveSession, source: str) -> bool:
    if source != _CLIP:
        session.source(WEBCAM)
        return webcam(session)
    shown = _clip()
    if shown is None:
        return False
    clip, name = shown
    session.source(name)
    return play(session, clip, name)


def _clip() -> tuple[Playback, str] | None:
    """Return the clip to play and its name; None if no clip is chosen yet."""
    with st.container(horizontal=True, vertical_alignment="center"):
        which = st.session_state.setdefault(_WHICH, "Sample")
        pick_view("Clip", _WHICH, ["Sample", "Upload"])
        if which == "Sample":
            st.caption("A drawn face that shows five expressions. No camera is used.")
    if which == "Sample":
        return _drawn_clip(), "sample clip"
    upload = st.file_uploader("A video", type=[suffix[1:] for suffix in sorted(VIDEO_SUFFIXES)])
    if upload is None:
        st.info("It plays here, again and again, once you have chosen one.", icon=":material/movie:")
        return None
    cached, clip = st.session_state.get("live_file_clip", (None, None))
    if cached != upload.file_id:
        try:
            clip = FilePlayback(upload.getvalue(), upload.name)
        except FbnError as error:
            st.error(str(error), icon=":material/broken_image:")
            return None
        st.session_state["live_file_clip"] = (upload.file_id, clip)
    return clip, upload.name


@st.cache_resource(show_spinner="Drawing the clip…")
def _drawn_clip() -> DrawnPlayback:
    return DrawnPlayback()


def _session() -> LiveSession:
    session: LiveSession = st.session_state.setdefault("live", LiveSession())
    with st.popover("Options", icon=":material/tune:"):
        smooth = st.toggle("Smooth", True, help="Calms the figures with a one-euro filter. A recording keeps both.")
        gauges = st.toggle("Gauges in the video", True, help="Bars and circumplex that move with every frame.")
        mirror = st.toggle("Mirror", True, help="Show, read and record the webcam as a mirror would.")
        st.session_state[_COMPOUNDS] = picked = pick_compounds(shell.model_name(), "live compounds")
        _conflict_options()
    wanted = (shell.model_state(), smooth, picked.classes)
    if st.session_state.get("live_analyser") != wanted:
        analyser = shell.make_analyser("one_euro" if smooth else None, picked.classes)
        compounds = analyser.classes.classes if analyser.classes else ()
        session.use(analyser, shell.model_name(), "fbn_smooth" if smooth else "fbn", compounds)
        st.session_state["live_analyser"] = wanted
    session.set(gauges=gauges, mirror=mirror)
    return session


def _conflict_options() -> None:
    wanted = st.toggle("Conflicts", key="live_conflicts", help="Where expression and action units contradict a table.")
    st.session_state[_TABLE] = pick_table("live table") if wanted else None


def _conflicts(face: FaceResult) -> None:
    table = st.session_state.get(_TABLE)
    if table is not None:
        conflict_panel(face.shown, table, _MAX_CONFLICTS)


def _control_panel(session: LiveSession, playing: bool, source: str) -> None:
    """Show messages, controls and recordings.

    They are redrawn on a timer, although they change only on clicks: if another timed fragment starts just as the run
    of a click ends, Streamlit starts a new runner and drops the unsent messages of the old one.
    """
    camera = source != _CLIP
    # a container each: otherwise elements move when one above them appears, and are briefly drawn twice
    notice, controls, status, files = (st.container() for _ in range(4))
    with notice:
        problem = watch(camera)
        if problem is not None and not playing:
            _show_problem(problem, camera)
        elif playing:
            _stall(session.view(), camera)
    with controls:
        _controls(session, playing)
    with status:
        _status(session)
    with files:
        show_recordings(session.recording)


def _show_problem(problem: Problem, camera: bool) -> None:
    """Show why there is no video, a remedy, and a way to continue without a camera."""
    st.error(f"**{problem.title}**  \n{problem.remedy}", icon=":material/videocam_off:")
    with st.container(horizontal=True):
        if problem.retry:
            st.button("Retry", icon=":material/refresh:", type="primary", on_click=start_video, args=(camera,))
        if camera and st.button("Play the sample clip", icon=":material/movie:", on_click=_use_clip):
            st.rerun()


def _use_clip() -> None:
    st.session_state.update({_SOURCE: _CLIP, _WHICH: "Sample"})
    start_video(camera=False)


def _stall(view: LiveView, camera: bool) -> None:
    if view.stalled:
        message = f"**No new picture for {in_words(view.age)}.** The video above and the figures stand still."
        st.warning(message, icon=":material/pause_circle:")
        st.button("Start again", icon=":material/refresh:", on_click=start_video, args=(camera,))


def _controls(session: LiveSession, playing: bool) -> None:
    """Draw the buttons for freezing, snapshots and recording.

    One click makes a snapshot, another downloads it. Streamlit could make it on the click on the download button, but
    deletes such a file after the next two runs of any timed fragment, before a slow browser has fetched it.
    """
    state = st.session_state
    with st.container(horizontal=True, vertical_alignment="center"):
        session.set(frozen=st.toggle("Freeze", key="freeze", disabled=not playing) and playing)
        if session.view().recording:
            st.button("Stop recording", icon=":material/stop:", type="primary", on_click=session.stop_recording)
        else:
            icon, off = ":material/fiber_manual_record:", not playing
            st.button("Record", icon=icon, on_click=_record, args=(session,), disabled=off)
        if st.button("Snapshot", icon=":material/photo_camera:", disabled=not playing):
            picture = session.picture()
            state["snapshot"] = None if picture is None else png_bytes(picture)
    if state.get("snapshot"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.image(state["snapshot"], width=80, alt="The snapshot")
            st.download_button(
                "Download PNG", state["snapshot"], "fbn-snapshot.png", icon=":material/download:", on_click="ignore"
            )


def _record(session: LiveSession) -> None:
    try:
        session.record()
        show_problem("")
    except FbnError as error:
        show_problem(f"Nothing is recorded: {error}")


def _status(session: LiveSession) -> None:
    """Show the state of the recording, errors, and the choice of the face."""
    view = session.view()
    if view.recording:
        st.caption(f":red[●] Recording: {view.recorded:,} frames, on disk as they come")
    elif view.recorded:
        st.caption(f"Recorded: {view.recorded:,} frames")
    if view.problem:
        st.warning(view.problem, icon=":material/error:")
    if view.errors:
        total = view.frames + view.errors
        st.warning(f"{view.errors} of {total} frames could not be read; the last one because of {view.error}")
    if view.result and len(view.result.faces) > 1:
        choices = [None, *(face.face_id for face in view.result.faces)]
        names = {face.face_id: face_name(face) for face in view.result.faces} | {None: "Largest"}
        picked = st.segmented_control("Show", choices, default=None, format_func=names.__getitem__, key="live_face")
        session.set(face_id=picked)


def _predictions(session: LiveSession, playing: bool, source: str) -> None:
    """Show speed, expression and circumplex; or instructions. Old predictions are gray and labelled as such."""
    view = session.view()
    is_past = not playing or view.stalled
    # a container each, for the same reason as in ``_control_panel``
    notice, speed = st.container(), st.container(horizontal=True)
    with notice:
        if view.face is None:
            with st.container(border=True):
                _instructions(view, playing, source)
        elif is_past:
            state = "Stalled" if playing else "Stopped"
            st.markdown(f"##### :material/pause_circle: {state} {in_words(view.age)} ago")
            st.caption("The last readings, not those of now.")
    if playing and view.frames:
        with speed:
            st.metric("Frames/s", f"{view.fps:.0f}", width=90)
            text = "Median time from a frame's arrival at the server to its finished drawing."
            st.metric("Delay", f"{view.median_ms:.0f} ms", help=text, width=100)
            text = "95 of 100 frames took no longer than this."
            st.metric("95 % within", f"{view.p95_ms:.0f} ms", help=text, width=130)
    if view.face:
        with _shade("figures", is_past):
            affect = view.face.shown
            expression_panel(affect)
            picked: CompoundChoice = st.session_state.get(_COMPOUNDS, CompoundChoice())
            if affect.scorer and picked.shown:
                compound_panel(affect)
                if view.settings.frozen:
                    terms_panel(affect)
            circumplex_panel(view.trail)


def _instructions(view: LiveView, playing: bool, source: str) -> None:
    if not playing and source == _CLIP:
        st.markdown("##### :material/movie: Play the clip")
        st.markdown("It goes the same way as a camera's picture: through the network, and back with its drawing.")
    elif not playing:
        st.markdown("##### :material/videocam: Start the camera and allow it in the browser")
        st.markdown("The picture is read on the machine that runs this app and is not kept.")
    elif view.frames == 0:
        st.markdown("##### :material/hourglass_empty: Waiting for the first frame")
        st.markdown("If none comes: is the camera in use elsewhere, or its picture behind a firewall?")
    else:
        st.markdown("##### :material/face: No face in view")
        st.markdown("Look at the camera, with light on your face, at arm's length.")


def _shade(name: str, is_past: bool) -> DeltaGenerator:
    """Return a container for predictions, gray if they are old (see ``html.STYLE``)."""
    return st.container(key=f"live_past_{name}" if is_past else f"live_now_{name}")


def _details(session: LiveSession, playing: bool) -> None:
    """Show conflicts, action units and the plot over time."""
    view = session.view()
    if view.face is None:
        return
    with _shade("details", not playing or view.stalled):
        _conflicts(view.face)
        action_unit_panel(view.face.shown)
        st.markdown("**Over time**")
        figure = charts.time_line(view.seconds, view.valence, view.arousal)
        text = "Valence and arousal of the face over the last seconds, two lines between −1 and 1."
        st.plotly_chart(figure, config=charts.CONFIG, key="live_time_line", alt=text)


def picture_view() -> None:
    """Show predictions for a single picture, for browsers without a camera stream."""
    choices = ["Sample", "Upload", "Take a photo"]
    source = choose_one("Picture", choices, "picture_source")
    if source == "Sample":
        image = shell.sample_picture()
        st.caption(shell.SAMPLE_CREDIT)
    else:
        widget = st.file_uploader if source == "Upload" else st.camera_input
        upload = widget("A picture of a face")
        if upload is None:
            st.info("The figures appear here once there is a picture.", icon=":material/face:")
            return
        image = shell.read_upload(upload)
    picked: CompoundChoice = st.session_state[_COMPOUNDS]
    result = shell.make_analyser(None, picked.classes).picture(image)
    face = show_picture(Preview.of(image, result), compounds=picked.shown)
    if face is not None:
        _conflicts(face)

import csv
import threading
from pathlib import Path

import numpy as np
import pytest

from fbn.faces.frames import Frame
from fbn.inference import FrameResult, recordings
from fbn.inference.layouts import LAYOUTS
from fbn.inference.live import LiveSession
from fbn.ui.live import page as live_page
from tests.ui.conftest import FakeAnalyser, face

GRAY = np.full((480, 640, 3), 128, np.uint8)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FBN_HOME", str(tmp_path))
    return tmp_path


class Clock:
    """Advances by a fixed step at each look."""

    def __init__(self, step: float = 0.01) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def running(*faces: object) -> LiveSession:
    session = LiveSession(Clock())
    session.use(FakeAnalyser(faces))  # type: ignore[arg-type]
    return session


def test_drawing_is_on_the_frame_and_the_frame_is_untouched():
    before = GRAY.copy()
    drawn = running().show(GRAY, 0.0)
    assert drawn.shape == GRAY.shape
    assert (drawn != GRAY).any()
    assert (before == GRAY).all()


def test_view_counts_frames_and_times_them():
    session = running()
    for number in range(50):
        session.show(GRAY, number / 30)
    view = session.view()
    # the clock moves by 10 ms within each frame, and by 10 ms between frames
    assert view.frames == 50
    assert view.median_ms == pytest.approx(10)
    assert view.fps == pytest.approx(50)
    assert view.face is not None
    assert len(view.trail) == 45
    assert view.seconds[-1] == pytest.approx(49 / 30)


def test_an_error_is_counted_and_the_video_goes_on():
    class Broken(FakeAnalyser):
        def step(self, frame: Frame) -> FrameResult:
            if frame.index == 1 and frame.timestamp < 2:
                raise RuntimeError("no memory left")
            return super().step(frame)

    session = LiveSession(Clock())
    session.set(mirror=False)
    session.use(Broken())
    session.show(GRAY, 0.0)
    assert (session.show(GRAY, 1.0) == GRAY).all()
    view = session.view()
    assert (view.errors, view.error, view.frames) == (1, "RuntimeError: no memory left", 1)
    session.show(GRAY, 2.0)
    assert session.view().frames == 2


def test_page_is_not_held_up_while_a_frame_is_read():
    entered, leave = threading.Event(), threading.Event()

    class Slow(FakeAnalyser):
        def step(self, frame: Frame) -> FrameResult:
            entered.set()
            leave.wait(5)
            return super().step(frame)

    session = LiveSession()
    session.use(Slow())
    video = threading.Thread(target=session.show, args=(GRAY, 0.0))
    video.start()
    assert entered.wait(5)
    page = threading.Thread(target=session.view)
    page.start()
    page.join(2)
    blocked = page.is_alive()
    leave.set()
    video.join(5)
    assert not blocked


def test_freeze_shows_the_last_frame_and_reads_no_more():
    session = running()
    first = session.show(GRAY, 0.0)
    session.set(frozen=True)
    assert (session.show(np.zeros_like(GRAY), 1.0) == first).all()
    assert session.view().frames == 1


def test_mirror_flips_what_is_read():
    seen = []

    class Spy(FakeAnalyser):
        def step(self, frame: Frame) -> FrameResult:
            seen.append(frame.image)
            return super().step(frame)

    image = GRAY.copy()
    image[:, :100] = 255
    session = LiveSession()
    session.use(Spy())
    session.show(image, 0.0)
    session.set(mirror=False)
    session.show(image, 0.1)
    assert (seen[0] == image[:, ::-1]).all()
    assert (seen[1] == image).all()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_recording_keeps_frames_between_start_and_stop(home: Path):
    session = running()
    session.show(GRAY, 0.0)
    session.record()
    for number in range(1, 4):
        session.show(GRAY, float(number))
    assert session.view().recording
    session.stop_recording()
    session.show(GRAY, 9.0)
    assert session.recording is not None
    assert [float(row["timestamp"]) for row in rows(session.recording.path)] == [1.0, 2.0, 3.0]
    assert (session.view().recording, session.view().recorded) == (False, 3)


def test_a_click_on_record_that_is_told_twice_begins_one_recording(home: Path):
    session = running()
    session.record()
    session.show(GRAY, 0.0)
    session.record()
    session.show(GRAY, 1.0)
    session.stop_recording()
    (entry,) = recordings.entries()
    assert entry.rows == 2


def test_a_recording_survives_the_end_of_its_stream(home: Path):
    """By Stop, another page, a reload or a lost connection: each of them ends the stream."""
    session = running()
    session.record()
    session.show(GRAY, 0.0)
    session.ended()
    session.show(GRAY, 1.0)
    (entry,) = recordings.entries()
    assert (entry.rows, entry.unfinished) == (1, False)


def test_a_recording_goes_on_in_a_second_table_where_the_columns_change(home: Path):
    session = running()
    session.record()
    session.show(GRAY, 0.0)
    session.use(FakeAnalyser(smooth="one_euro"), "other", "fbn_smooth")
    session.show(GRAY, 1.0)
    session.stop_recording()
    tables = {tuple(rows(entry.path)[0]) for entry in recordings.entries()}
    assert tables == {LAYOUTS["fbn"].columns, LAYOUTS["fbn_smooth"].columns}


def test_a_stream_that_stalls_is_told_by_its_age():
    clock = Clock(0.0)
    session = LiveSession(clock)
    session.use(FakeAnalyser())
    assert not session.view().stalled
    session.show(GRAY, 0.0)
    clock.now = 1.0
    assert (session.view().age, session.view().stalled) == (1.0, False)
    clock.now = 12.0
    assert (session.view().age, session.view().stalled) == (12.0, True)
    session.set(frozen=True)
    session.show(GRAY, 1.0)
    assert not session.view().stalled


def test_the_last_readings_stay_until_the_next_stream_begins():
    session = running()
    for number in range(3):
        session.show(GRAY, float(number))
    session.ended()
    assert (session.view().frames, session.view().face is None) == (3, False)
    session.show(GRAY, 9.0)
    assert (session.view().frames, session.view().seconds) == (1, (9.0,))


def test_another_source_starts_the_figures_anew_and_is_no_mirror():
    seen = []

    class Spy(FakeAnalyser):
        def step(self, frame: Frame) -> FrameResult:
            seen.append((frame.input, frame.image))
            return super().step(frame)

    image = GRAY.copy()
    image[:, :100] = 255
    session = LiveSession()
    session.use(Spy())
    session.show(image, 0.0)
    session.source("sample clip")
    assert session.view().frames == 0
    session.show(image, 1.0, "sample clip")
    (first, mirrored), (second, upright) = seen
    assert (first, second) == ("webcam", "sample clip")
    assert (mirrored == image[:, ::-1]).all()
    assert (upright == image).all()


def test_frames_of_a_source_that_was_left_are_not_read():
    class Leaving(FakeAnalyser):
        def step(self, frame: Frame) -> FrameResult:
            session.source("sample clip")
            return super().step(frame)

    session = LiveSession()
    session.use(Leaving())
    session.show(GRAY, 0.0)
    assert session.view().frames == 0, "left while the frame was read"
    assert (session.show(GRAY, 1.0) == GRAY).all(), "sent before the video stopped"
    assert (session.view().frames, session.view().face) == (0, None)


def test_figures_follow_the_chosen_face_else_the_largest():
    session = running(face(0, side=50, valence=-0.5), face(1, side=90, valence=0.5))
    session.show(GRAY, 0.0)
    view = session.view()
    assert view.face is not None
    assert (view.face.face_id, view.trail) == (1, ((0.5, pytest.approx(0.2)),))
    session.set(face_id=0)
    assert session.view().trail[-1][0] == -0.5


def test_no_face_leaves_a_gap_in_the_time_line():
    session = running()
    session.show(GRAY, 0.0)
    session.show(np.zeros_like(GRAY), 0.1)
    session.show(GRAY, 0.2)
    view = session.view()
    assert np.isnan(view.valence[1])
    assert [view.valence[0], view.valence[2]] == [0.5, 0.5]


def test_a_new_analyser_starts_the_figures_anew():
    session = running()
    session.show(GRAY, 0.0)
    session.use(FakeAnalyser())
    view = session.view()
    assert (view.frames, view.face, view.age) == (0, None, float("inf"))


def test_frames_and_time_go_on_when_the_model_changes():
    session = running()
    session.show(GRAY, session.seconds())
    before = session.view().result
    session.use(FakeAnalyser(()))
    session.show(GRAY, session.seconds())
    after = session.view().result
    assert after.index == before.index + 1
    assert after.timestamp > before.timestamp


@pytest.mark.parametrize(("playing", "frames", "due"), [(True, 0, True), (False, 1, True), (False, 0, False)])
def test_every_part_of_the_page_draws_itself_anew_while_there_is_something_to_tell(
    playing: bool, frames: int, due: bool, monkeypatch: pytest.MonkeyPatch
):
    """What Streamlit loses of one drawing, the next one shows; before the first frame nothing needs to."""
    timed: dict[str, float | None] = {}

    def fragment(part, *, run_every=None):
        timed[part.__name__] = run_every
        return lambda *given: None

    monkeypatch.setattr(live_page, "webcam", lambda session: playing)
    monkeypatch.setattr(live_page.st, "fragment", fragment)
    session = running()
    for number in range(frames):
        session.show(GRAY, float(number))
    live_page.video_view(session, "Webcam")
    assert len(timed) > 2
    assert {every is not None for every in timed.values()} == {due}

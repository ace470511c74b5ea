"""Every page, run by Streamlit's own test harness; the WebRTC component needs a browser and is replaced."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fbn.errors import MissingFileError
from fbn.inference import recordings
from fbn.inference.layouts import LAYOUTS
from fbn.resources import shipped
from fbn.ui import home, shell
from fbn.ui.panels import picture_width
from tests.ui.conftest import FakeAnalyser

Open = Callable[[str], AppTest]


@pytest.fixture
def playing(monkeypatch: pytest.MonkeyPatch) -> list[Callable]:
    """The camera plays; holds the page's frame callback."""
    callbacks: list[Callable] = []

    def streamer(key: str, **options: object) -> SimpleNamespace:
        assert options["async_processing"] is True
        assert options["rtc_configuration"] == {"iceServers": []}
        callbacks.append(options["video_frame_callback"])  # type: ignore[arg-type]
        return SimpleNamespace(state=SimpleNamespace(playing=True))

    monkeypatch.setattr("fbn.ui.live.webcam.webrtc_streamer", streamer)
    return callbacks


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, playing: list[Callable]) -> Open:
    """Opens a page by name."""
    monkeypatch.setenv("FBN_HOME", str(tmp_path))
    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", FakeAnalyser)
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn", "other"))
    monkeypatch.setattr("fbn.models.store.card", lambda name: f"# Card of {name}")

    def start(name: str) -> AppTest:
        test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run()
        return test if name == "home" else test.switch_page(f"pages/{name}.py").run()

    return start


def words(test: AppTest) -> str:
    return "\n".join(element.value for element in [*test.markdown, *test.info, *test.warning, *test.error])


def test_home_leads_to_every_page():
    assert {page for page, _ in home._PAGES} == set(shell._ICONS) - {"home"}


def test_home_shows_the_ways_in_and_a_reading(app: Open):
    test = app("home")
    assert not test.exception
    assert test.title[0].value == "FaceBehaviorNet"
    assert "AU12" in words(test)


def test_live_waits_then_shows_figures(app: Open, playing: list[Callable]):
    import av

    test = app("live")
    assert not test.exception
    assert "Waiting for the first frame" in words(test)
    frame = av.VideoFrame.from_ndarray(np.full((480, 640, 3), 120, np.uint8), format="rgb24")
    assert (playing[-1](frame).to_ndarray(format="rgb24") != 120).any()
    test.run()
    assert [metric.label for metric in test.metric] == ["Frames/s", "Delay", "95 % within"]
    assert "AU12" in words(test)


def test_live_says_why_frames_fail(app: Open, playing: list[Callable], monkeypatch: pytest.MonkeyPatch):
    import av

    def fail(self: FakeAnalyser, frame: object) -> None:
        raise RuntimeError("the network lost its weights")

    monkeypatch.setattr(FakeAnalyser, "step", fail)
    test = app("live")
    playing[-1](av.VideoFrame.from_ndarray(np.full((480, 640, 3), 120, np.uint8), format="rgb24"))
    test.run()
    assert "1 of 1 frames could not be read; the last one because of RuntimeError: the network lost" in words(test)


def test_live_records(app: Open, playing: list[Callable]):
    import av

    frame = av.VideoFrame.from_ndarray(np.full((480, 640, 3), 120, np.uint8), format="rgb24")
    test = app("live")
    next(button for button in test.button if button.label == "Record").click().run()
    playing[-1](frame)
    next(button for button in test.button if button.label == "Stop recording").click().run()
    playing[-1](frame)
    assert any(caption.value == "Recorded: 1 frames" for caption in test.caption)
    (entry,) = recordings.entries()
    assert entry.rows == 1
    assert test.selectbox(key="live_recording").value == entry.path.name
    next(button for button in test.button if button.label == "Delete it").click().run()
    assert recordings.entries() == []
    assert not test.exception


def test_live_reads_a_picture_without_a_camera(app: Open):
    test = app("live")
    test.button_group(key="live_source pick").set_value("Picture").run()
    assert not test.exception
    assert "AU12" in words(test)


def test_a_picked_model_reaches_the_analyser_and_the_card(app: Open):
    test = app("about")
    assert "## Card of fbn" in words(test)
    test.selectbox(key="model").set_value("other").run()
    assert "## Card of other" in words(test)
    assert "must not be used" in words(test)


def test_analyse_sample_gives_the_table(app: Open):
    test = app("analyse")
    assert "Drop pictures or a video" in words(test)
    next(button for button in test.button if button.label == "Use the sample picture").click().run()
    assert not test.exception
    assert tuple(test.dataframe[0].value.columns) == LAYOUTS["fbn"].columns
    assert test.dataframe[0].value["input"].tolist() == ["astronaut.png"]


def test_analyse_shows_the_first_rows_only(app: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fbn.ui.analyse.page._MAX_SHOWN", 2)
    black = cv2.imencode(".png", np.zeros((60, 60, 3), np.uint8))[1].tobytes()
    test = app("analyse")
    test.file_uploader(key="files").set_value([(f"{n}.png", black, "image/png") for n in range(3)]).run()
    assert len(test.dataframe[0].value) == 2
    assert any("The first 2 of 3 rows" in caption.value for caption in test.caption)


def test_analyse_bad_and_empty_pictures(app: Open):
    test = app("analyse")
    black = cv2.imencode(".png", np.zeros((60, 60, 3), np.uint8))[1].tobytes()
    test.file_uploader(key="files").set_value(
        [("text.jpg", b"no picture", "image/jpeg"), ("b.png", black, "image/png")]
    )
    test.run()
    assert not test.exception
    assert [error.value.split(":")[0] for error in test.error] == ["text.jpg"]
    assert "No face was found" in words(test)
    assert len(test.dataframe[0].value) == 1


def test_analyse_video_is_scrubbed(app: Open, tmp_path: Path):
    clip = tmp_path / "v.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for number in range(10):
        writer.write(np.full((48, 64, 3), 0 if number == 7 else 90, np.uint8))
    writer.release()
    test = app("analyse")
    test.file_uploader(key="files").set_value(("v.avi", clip.read_bytes(), "video/x-msvideo")).run()
    assert not test.exception
    assert len(test.dataframe[0].value) == 10
    assert "AU12" in words(test)
    test.select_slider(key="frame of v.avi").set_value(7).run()
    assert "No face was found" in words(test)


def test_a_missing_model_is_told_in_words(app: Open, monkeypatch: pytest.MonkeyPatch):
    def missing(**options: object) -> None:
        raise MissingFileError("the model 'fbn' is incomplete")

    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", missing)
    test = app("live")
    assert not test.exception
    assert "The model cannot be used: the model 'fbn' is incomplete" in words(test)


def test_configuration_lies_beside_the_app():
    """Streamlit reads the configuration in the script's own folder, so both must ship together."""
    assert shipped(".streamlit/config.toml").parent.parent == shipped("app.py").parent
    assert shutil.which("streamlit") is None or shipped("pages/live.py").is_file()


@pytest.mark.parametrize(
    ("height", "width", "shown"), [(512, 512, 640), (720, 1280, 640), (1920, 1080, 405), (112, 112, 224)]
)
def test_a_picture_fills_its_column_unless_tall_or_coarse(height: int, width: int, shown: int):
    assert picture_width(height, width) == shown

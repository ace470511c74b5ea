"""Stand-ins for the analyser, so that pages are tested without weights; the studio, open."""

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fbn.faces.frames import Frame
from fbn.faces.geometry import Box
from fbn.inference import Affect, FaceResult, FrameResult
from fbn.resources import shipped
from fbn.vocabulary import AU_INDEX


@pytest.fixture(autouse=True)
def _own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that AppTest runs becomes ``__main__``, which processes that later tests start would then import."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


def face(face_id: int = 0, side: float = 80.0, valence: float = 0.5, smoothed: bool = False) -> FaceResult:
    """A happy face with AU12 alone."""
    expression = np.array([0.02, 0.02, 0.02, 0.02, 0.86, 0.03, 0.03], np.float32)
    units = np.full(17, 0.1, np.float32)
    units[AU_INDEX[12]] = 0.9
    affect = Affect(expression, np.array([valence, 0.2], np.float32), units)
    points = np.array([[20, 25], [50, 25], [35, 40], [22, 55], [48, 55]], np.float32) + 10 * face_id
    return FaceResult(face_id, Box(10.0, 10.0, side, side), 0.98, points, affect, affect if smoothed else None)


class FakeAnalyser:
    """Finds the same faces everywhere; none in a black picture."""

    classes = smooth = None

    def __init__(self, faces: tuple[FaceResult, ...] = (), **options: object) -> None:
        self.faces, self.options = faces or (face(smoothed=bool(options.get("smooth"))),), options

    def step(self, frame: Frame) -> FrameResult:
        height, width = frame.image.shape[:2]
        found = self.faces if frame.image.any() else ()
        return FrameResult(frame.input, frame.index, frame.timestamp, (width, height), found)

    def stream(self, frames: Iterable[Frame]) -> Iterator[FrameResult]:
        yield from map(self.step, frames)

    def picture(self, image: np.ndarray) -> FrameResult:
        return self.step(Frame(image))


@pytest.fixture
def analyser() -> FakeAnalyser:
    return FakeAnalyser()


class Reader(FakeAnalyser):
    """Reads AU12 alone, whatever is drawn; keeps what it was given."""

    seen: ClassVar[list[np.ndarray]] = []

    def crops(self, images: list[np.ndarray]) -> list[Affect]:
        self.seen.extend(images)
        return [face().affect]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The studio, open on its first view."""
    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", Reader)
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn", "other"))
    monkeypatch.setattr(Reader, "seen", [])
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run()
    return test.switch_page("pages/studio.py").run()


def press(opened: AppTest, label: str) -> AppTest:
    return next(button for button in opened.button if button.label == label).click().run()


def words(opened: AppTest) -> str:
    return "\n".join(e.value for e in [*opened.markdown, *opened.info, *opened.warning, *opened.error, *opened.success])


def by_key(widgets: Iterable[Any], key: str) -> Any:
    """A controlled widget: its key grows by a number where the page itself changes what it shows."""
    return next(each for each in widgets if re.fullmatch(rf"{re.escape(key)}( \d+)?", each.key or ""))

"""Clips that play on the live page without a camera."""

import asyncio
from fractions import Fraction
from pathlib import Path

import aioice
import cv2
import numpy as np
import pytest

from fbn.errors import FbnError
from fbn.synthetic import playback
from fbn.synthetic.playback import DrawnPlayback, FilePlayback
from fbn.ui.live.webcam import as_source, problem_of


def video(path: Path, levels: list[int], rate: float = 10.0, size: tuple[int, int] = (64, 48)) -> bytes:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, size)
    for level in levels:
        writer.write(np.full((size[1], size[0], 3), level, np.uint8))
    writer.release()
    return path.read_bytes()


def test_a_file_plays_at_its_own_speed_again_and_again(tmp_path: Path):
    playing = FilePlayback(video(tmp_path / "v.avi", [20, 120, 220]), "mine.avi")
    levels = [round(float(playing.frame(i / 20 + 0.01).mean()), -1) for i in range(12)]
    assert levels == [20, 20, 120, 120, 220, 220, 20, 20, 120, 120, 220, 220]


def test_large_frames_are_made_smaller(tmp_path: Path):
    playing = FilePlayback(video(tmp_path / "v.avi", [20], size=(1920, 1080)), "mine.avi")
    assert playing.frame(0.0).shape == (540, 960, 3)


def test_what_is_no_video_is_told_by_the_name_it_came_with():
    with pytest.raises(FbnError, match=r"^mine\.avi: "):
        FilePlayback(b"no video", "mine.avi")


def test_the_drawn_face_changes_and_keeps_its_size(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(playback, "_STEPS", 1)
    drawn = DrawnPlayback()
    rest, first, second = (drawn.frame(seconds) for seconds in (0.0, 2.0, 6.0))
    assert rest.shape == first.shape == (480, 640, 3)
    assert np.abs(rest.astype(int) - first).mean() > 1
    assert np.abs(second.astype(int) - first).mean() > 1
    frame = as_source(drawn, 180_000, Fraction(1, 90_000))
    assert (frame.pts, frame.width, frame.height) == (180_000, 640, 480)
    assert (frame.to_ndarray(format="rgb24") == first).all()


@pytest.mark.parametrize(
    ("message", "title", "retry"),
    [
        ("NotAllowedError: Permission denied", "The browser was not allowed to use the camera", True),
        ("NotAllowedError: Permission denied by system", "The browser was not allowed to use the camera", True),
        ("NotFoundError: Requested device not found", "No camera was found", True),
        ("OverconstrainedError: ", "No camera was found", True),
        ("NotReadableError: Could not start video source", "The camera is in use", True),
        ("Error: navigator.mediaDevices is undefined.", "The browser gives this address no camera", False),
        ("Insecure", "The browser gives this address no camera", False),
        ("Connection is taking longer than expected.", "No picture comes through", True),
        ("OperationError: mystery", "The video could not be started", True),
    ],
)
def test_what_the_browser_says_becomes_words(message: str, title: str, retry: bool):
    problem = problem_of(message)
    assert problem is not None
    assert (problem.title, problem.retry) == (title, retry)


def test_no_message_is_no_problem():
    assert problem_of("") is None


def test_the_local_network_is_not_asked_for_a_browsers_name():
    """A multicast would leave the machine; a browser on it has one of its addresses."""

    async def resolved() -> str | None:
        return await (await aioice.ice.get_or_create_mdns_protocol(object())).resolve("0c1e4f.local")

    own = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    assert asyncio.run(resolved()) == next(iter(own), None)

"""``fbn bench live``: frame rate and latency of the live page, compared with a page that returns frames unprocessed.

Chromium's fake webcam plays a clip whose frames are stamped with their number in black and white cells; the stamp
survives video coding and scaling, and is symmetric under mirroring. A script in the page reads that number with
``requestVideoFrameCallback`` from the camera and from the processed video. The latency is therefore that of a viewer,
from camera to screen, including encoding and decoding in both directions; repeated frames count once. The two pages are
measured in turn, each on a separate server, so that a busy machine slows both.
"""

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

import fbn
from fbn.bench.browser import app_command, chromium_flags, find_chromium, free_port, serving
from fbn.errors import FbnError, MissingFileError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame

WIDTH, HEIGHT, RATE = 640, 480, 30
#: The stamp: number of bits, and its rectangle (left, top, width, height) as fractions of the frame.
BITS, STAMP = 8, (0.25, 0.94, 0.5, 0.06)
FRAMES = 2**BITS
_BARE_PAGE = Path(fbn.__file__).parent / "ui" / "live" / "webcam.py"
_READER = """
(([bits, left, top, across, down]) => {
  const seen = window.fbnSeen = {camera: [], video: []}, watched = new Set(), cells = 2 * bits;
  const watch = (video, list) => {
    watched.add(video);
    const canvas = document.createElement('canvas');
    canvas.width = 4 * cells; canvas.height = 1;
    const pen = canvas.getContext('2d', {willReadFrequently: true});
    const read = () => {
      const w = video.videoWidth, h = video.videoHeight;
      pen.drawImage(video, left * w, (top + down / 4) * h, across * w, down / 2 * h, 0, 0, 4 * cells, 1);
      const pixels = pen.getImageData(0, 0, 4 * cells, 1).data;
      const cell = i => pixels[4 * (4 * i + 1) + 1] + pixels[4 * (4 * i + 2) + 1] > 255;
      let number = 0;
      for (let i = 0; i < bits; i++) {
        if (cell(i) !== cell(cells - 1 - i)) number = NaN;
        if (cell(i)) number += 1 << i;
      }
      list.push([number, performance.now()]);
      video.requestVideoFrameCallback(read);
    };
    video.requestVideoFrameCallback(read);
  };
  if (!navigator.mediaDevices) return;
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async wish => {
    const stream = await open(wish), video = document.createElement('video');
    if (!stream.getVideoTracks().length) return stream;
    Object.assign(video, {muted: true, autoplay: true, srcObject: stream});
    video.style = 'position:fixed;width:2px;height:2px;left:0;top:0;opacity:0.02';
    watch(video, seen.camera);
    document.body.append(video);
    return stream;
  };
  setInterval(() => document.querySelectorAll('video').forEach(v => watched.has(v) || watch(v, seen.video)), 200);
})
"""


def measure(seconds: float = 10.0, rounds: int = 3) -> dict[str, Any]:
    """Measure both pages in turn.

    Args:
        seconds: length of each measurement, after 4 s of warm-up.
        rounds: measurements of each page; the results are medians over rounds.

    Returns:
        ``fps_ratio`` and ``p95_ratio`` (app divided by bare page); ``app`` and ``bare``: ``fps`` (frames per second),
        ``distinct`` (different camera frames per second), ``median_ms`` and ``p95_ms`` (latency from camera to
        screen); ``rounds``: results of each round.

    Raises:
        FbnError: no browser, no Playwright, or no video was received.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise MissingFileError("fbn bench live needs Playwright: pip install 'fbn[test]'") from error
    executable = find_chromium()
    ports = {"bare": free_port(), "app": free_port()}
    commands = {"bare": _bare_command(ports["bare"]), "app": app_command(ports["app"])}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    results: dict[str, list[dict[str, float]]] = {"bare": [], "app": []}
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder, ExitStack() as stack:
        clip = write_clip(Path(folder, "clip.mjpeg"))
        addresses = {
            name: stack.enter_context(serving(commands[name], ports[name], Path(folder, f"{name}.log"), environment))
            for name in commands
        }
        playwright = stack.enter_context(sync_playwright())
        for _ in range(rounds):
            for name, page in (("bare", ""), ("app", "/live")):
                browser = playwright.chromium.launch(executable_path=executable, args=chromium_flags(clip))
                try:
                    results[name].append(_watch(browser, addresses[name] + page, seconds))
                finally:
                    browser.close()
    medians = {
        name: {k: round(float(np.median([r[k] for r in rows])), 2) for k in rows[0]} for name, rows in results.items()
    }
    return {
        "fps_ratio": round(medians["app"]["fps"] / medians["bare"]["fps"], 3),
        "p95_ratio": round(medians["app"]["p95_ms"] / medians["bare"]["p95_ms"], 3),
        **medians,
        "rounds": results,
    }


def write_clip(path: Path) -> Path:
    """Write 256 stamped frames of scikit-image's astronaut, slowly moving, as motion JPEG at 30 frames per second.

    Args:
        path: ends in ``.mjpeg``, for Chromium's ``--use-file-for-fake-video-capture``.
    """
    from skimage.data import astronaut

    picture = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)
    with path.open("wb") as file:
        for number in range(FRAMES):
            turn = 2 * np.pi * number / FRAMES  # whole turns: the clip loops without a jump
            scale = 1.0 + 0.08 * np.sin(turn)
            # the face's centre, about (224, 110) in the picture, moves around the frame's centre
            centre = (WIDTH / 2 + 45 * np.sin(2 * turn), 215 + 20 * np.cos(turn))
            matrix = np.array([[scale, 0, centre[0] - scale * 224], [0, scale, centre[1] - scale * 110]])
            frame = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
            stamp(frame, number)
            file.write(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return path


def stamp(frame: np.ndarray, number: int) -> None:
    """Stamp ``number`` into [H, W, 3] in place: its bits from the outside to the middle, mirrored on both sides."""
    height, width = frame.shape[:2]
    left, top, across, down = STAMP
    cell = across * width / (2 * BITS)
    for bit in range(BITS):
        value = 255 if number >> bit & 1 else 0
        for position in (bit, 2 * BITS - 1 - bit):
            x0, x1 = (round(left * width + cell * (position + side)) for side in (0, 1))
            frame[round(top * height) : round((top + down) * height), x0:x1] = value


def _bare_command(port: int) -> list[str]:
    options = {"server.port": port, "server.address": "127.0.0.1", "server.headless": "true"}
    options |= {"runner.postScriptGC": "false", "browser.gatherUsageStats": "false"}
    return [sys.executable, "-m", "streamlit", "run", str(_BARE_PAGE), *(f"--{k}={v}" for k, v in options.items())]


def _watch(browser: "Browser", address: str, seconds: float) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(f"{_READER}({[BITS, *STAMP]})")
    page = context.new_page()
    page.goto(address)
    start = page.frame_locator("iframe").first.get_by_role("button", name="Start the camera")
    start.click(timeout=60_000)
    frame = _component(page.frames)
    frame.wait_for_function("window.fbnSeen.video.length > 10", timeout=60_000)
    time.sleep(4)
    frame.evaluate("fbnSeen.camera.length = fbnSeen.video.length = 0")
    time.sleep(seconds)
    times = frame.evaluate("fbnSeen")
    context.close()
    return figures(times["camera"], times["video"])


def _component(frames: "list[Frame]") -> "Frame":
    return next(frame for frame in frames if "streamlit_webrtc" in frame.url)


def figures(camera: list[list[float | None]], video: list[list[float | None]]) -> dict[str, float]:
    """Compute frame rates and latencies.

    Args:
        camera: (frame number, milliseconds) of the camera's frames; the number is None or NaN if unreadable.
        video: the same for the processed video.

    Raises:
        FbnError: too few frames, or no stamp could be read.
    """
    if len(video) < 2:
        raise FbnError("no processed video came: is the app's server overloaded?")
    captured: dict[int, list[float]] = {}
    for number, moment in _without_repeats(camera):
        captured.setdefault(number, []).append(moment)
    shown = _without_repeats(video)
    delays = [
        moment - max(before)
        for number, moment in shown
        if (before := [then for then in captured.get(number, []) if then <= moment])
    ]
    if not delays or len(delays) < len(shown) / 2:
        raise FbnError("the clip's frame numbers could not be read from the video")
    seconds = (float(video[-1][1] or 0) - float(video[0][1] or 0)) / 1000
    return {
        "fps": (len(video) - 1) / seconds,
        "distinct": (len(shown) - 1) / seconds,
        "median_ms": float(np.median(delays)),
        "p95_ms": float(np.percentile(delays, 95)),
    }


def _without_repeats(frames: list[list[float | None]]) -> list[tuple[int, float]]:
    """Return number and time of each frame, without repeated and unreadable ones."""
    first: list[tuple[int, float]] = []
    for number, moment in frames:
        if number is not None and moment is not None and number == number and (not first or first[-1][0] != number):
            first.append((int(number), moment))
    return first

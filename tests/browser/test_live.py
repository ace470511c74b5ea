"""The live page with a fake webcam: what a viewer sees."""

import csv
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserType, Frame, Page, expect

from fbn.bench.browser import chromium_flags
from fbn.inference.layouts import LAYOUTS
from tests.browser.conftest import PATIENCE

pytestmark = pytest.mark.browser

#: The overlay's colour for the first face (fbn.inference.overlay.COLOURS), and how far coding may shift it.
_BOX, _NEAR = (86, 180, 233), 45
_COUNT = """([r, g, b, near]) => {
  const video = document.querySelector('video'), w = video.videoWidth, h = video.videoHeight;
  const canvas = Object.assign(document.createElement('canvas'), {width: w, height: h});
  const pen = canvas.getContext('2d');
  const count = source => {
    pen.drawImage(source, 0, 0, w, h);
    // the middle, free of the gauges at both sides
    const p = pen.getImageData(Math.round(0.22 * w), 0, Math.round(0.56 * w), h).data;
    let n = 0;
    for (let i = 0; i < p.length; i += 4)
      n += Math.abs(p[i] - r) < near && Math.abs(p[i + 1] - g) < near && Math.abs(p[i + 2] - b) < near;
    return n / w / h;
  };
  return [count(video), count(window.camera)];
}"""
_KEEP_CAMERA = """(() => {
  if (!navigator.mediaDevices) return;
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async wish => {
    const stream = await open(wish);
    if (stream.getVideoTracks().length) {
      window.camera = Object.assign(document.createElement('video'), {muted: true, srcObject: stream});
      await window.camera.play();
    }
    return stream;
  };
})()"""


@pytest.fixture(scope="module")
def live(browser: Browser, app: str) -> Iterator[Page]:
    """The live page with the camera started and a face found; one for all tests, since video keeps a core busy."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(_KEEP_CAMERA)
    page.goto(f"{app}/live")
    page.frame_locator("iframe").get_by_role("button", name="Start the camera").click()
    expect(page.get_by_text("Brow lowerer")).to_be_visible()
    yield page
    context.close()


def component(page: Page) -> Frame:
    return next(frame for frame in page.frames if "streamlit_webrtc" in frame.url)


def test_the_overlay_is_seen_in_the_processed_video(live: Page):
    # a box of 200 pixels' side drawn 2 pixels thick covers 0.5 % of the frame; on a busy machine the video lags behind
    # the figures that the page has by now
    seen = f"box => {{ const [drawn, camera] = ({_COUNT})(box); return drawn > camera + 0.002 && {{camera}}; }}"
    found = component(live).wait_for_function(seen, arg=[*_BOX, _NEAR]).json_value()
    assert found["camera"] < 0.001


def test_record_gives_the_columns_of_the_command(live: Page):
    record(live)
    live.get_by_role("button", name="Stop recording").click()
    with live.expect_download() as download:
        live.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert tuple(rows[0]) == LAYOUTS["fbn_smooth"].columns
    assert len(rows) > 3
    assert {row["input"] for row in rows} == {"webcam"}
    frames = [int(row["frame"]) for row in rows]
    assert frames == sorted(frames)


def test_snapshot_is_the_drawn_picture(live: Page):
    live.get_by_role("button", name="Snapshot").click()
    with live.expect_download() as download:
        live.get_by_role("button", name="Download PNG").click()
    picture = cv2.imdecode(np.frombuffer(download.value.path().read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    middle = picture[:, int(0.22 * picture.shape[1]) : int(0.78 * picture.shape[1])].astype(int)
    assert (np.abs(middle - _BOX).max(axis=2) < _NEAR).mean() > 0.002


def test_compounds_are_picked_and_their_terms_seen_when_frozen(live: Page):
    """The last on this page: it stays frozen."""
    live.get_by_role("button", name="Options").click()
    live.get_by_role("combobox", name="Compound expressions").click()
    live.get_by_role("option", name="RAF-DB").click()
    live.keyboard.press("Escape")
    rows = live.get_by_label("Compound expressions", exact=True).get_by_role("listitem")
    expect(rows).to_have_count(4)
    expect(rows.last).to_contain_text("None of these")
    expect(rows.first).to_have_attribute("title", re.compile(r"action units \d\.\d\d \+ expressions .* = \d\.\d\d"))
    live.get_by_text("Freeze", exact=True).click()
    expect(live.get_by_text("What the scores are made of")).to_be_visible()
    expect(live.get_by_role("cell", name="Disgustedly surprised")).to_be_visible()


def begin(page: Page, app: str) -> None:
    page.goto(f"{app}/live")
    page.frame_locator("iframe").get_by_role("button", name="Start the camera").click()
    expect(page.get_by_text("Frames/s")).to_be_visible()


def record(page: Page) -> None:
    page.get_by_role("button", name="Record", exact=False).first.click()
    expect(page.get_by_text(re.compile(r"Recording: (\d\d+|[5-9]) frames"))).to_be_visible()


def kept(home: Path) -> list[str]:
    return sorted(path.suffix for path in (home / "recordings").glob("*"))


def test_what_is_not_live_says_so_and_no_recording_is_lost(page: Page, app: str, home: Path):
    begin(page, app)
    before = kept(home)
    record(page)
    page.frame_locator("iframe").get_by_role("button", name="Stop").click()
    stopped = page.get_by_text(re.compile(r"Stopped \d+ s ago"))
    expect(stopped).to_be_visible()
    expect(page.locator(".st-key-live_past_figures")).to_have_css("filter", "grayscale(1)")
    first = stopped.text_content() or ""
    expect(stopped).not_to_have_text(first)  # it counts up
    expect(page.get_by_text(f"Recordings ({len(before) + 1})")).to_be_visible()
    page.frame_locator("iframe").get_by_role("button", name="Start again").click()
    expect(page.get_by_text("Frames/s")).to_be_visible()
    expect(stopped).to_be_hidden()
    record(page)
    page.get_by_test_id("stTopNavLink").filter(has_text="About").click()
    expect(page.get_by_role("heading", name="About", exact=True)).to_be_visible()
    page.go_back()
    expect(stopped).to_be_visible()
    expect(page.get_by_text(f"Recordings ({len(before) + 2})")).to_be_visible()
    page.frame_locator("iframe").get_by_role("button", name="Start again").click()
    expect(page.get_by_text("Frames/s")).to_be_visible()
    record(page)
    page.reload()
    # the server hears some time later that the page is gone
    end = time.monotonic() + PATIENCE / 1000
    while kept(home) != (wanted := [*before, *[".csv"] * 3]) and time.monotonic() < end:
        page.wait_for_timeout(200)
    assert kept(home) == wanted
    page.reload()
    expect(page.get_by_text(f"Recordings ({len(wanted)})")).to_be_visible()


def test_a_stream_that_stalls_is_said_while_it_lasts(page: Page, app: str):
    page.add_init_script(_KEEP_CAMERA)
    begin(page, app)
    component(page).evaluate("window.camera.srcObject.getTracks().forEach(track => track.stop())")
    stalled = page.get_by_text(re.compile(r"No new picture for \d+ s"))
    expect(stalled).to_be_visible()
    expect(page.locator(".st-key-live_past_figures")).to_have_css("filter", "grayscale(1)")
    page.get_by_role("button", name="Start again").click()
    expect(stalled).to_be_hidden()
    expect(page.locator(".st-key-live_now_figures")).to_be_visible()


def test_a_refused_camera_is_told_in_words_and_a_clip_plays_instead(browser_type: BrowserType, chromium: str, app: str):
    flags = [flag for flag in chromium_flags() if "use-fake-ui" not in flag]  # so nobody allows the camera
    browser = browser_type.launch(executable_path=chromium, args=flags)
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{app}/live")
    page.frame_locator("iframe").get_by_role("button", name="Start the camera").click()
    refused = page.get_by_text("The browser was not allowed to use the camera")
    expect(refused).to_be_visible()
    expect(page.get_by_text("press Retry")).to_be_visible()
    expect(page.frame_locator("iframe").get_by_text("NotAllowedError")).to_be_hidden()
    page.get_by_role("button", name="Retry").click()
    expect(refused).to_be_visible()
    page.get_by_role("button", name="Play the sample clip").click()
    expect(page.get_by_text("Brow lowerer")).to_be_visible()
    expect(page.get_by_text("Frames/s")).to_be_visible()
    expect(refused).to_be_hidden()
    browser.close()


def test_an_address_without_cameras_says_so_at_once(page: Page, app: str):
    page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
    page.goto(f"{app}/live")
    expect(page.get_by_text("The browser gives this address no camera")).to_be_visible()
    expect(page.get_by_role("button", name="Play the sample clip")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()


def test_picture_fallback(page: Page, app: str):
    page.goto(f"{app}/live")
    page.get_by_text("Picture", exact=True).first.click()
    expect(page.get_by_text("Lip corner puller")).to_be_visible()
    expect(page.get_by_text("Valence and arousal").first).to_be_visible()

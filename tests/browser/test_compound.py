"""The Compound page in a browser: pictures in, labels by keyboard, a job that outlives the browser, its result."""

import re
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Browser, Page, expect

from fbn import jobs
from fbn.bench.browser import free_port, serving
from fbn.cli.app import command, environment
from fbn.data.picture_sets import PictureSets
from fbn.relatedness import RelatednessTable
from fbn.synthetic.layouts import world_of
from fbn.synthetic.layouts.items import draw_stills
from tests.browser.conftest import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
#: Seconds that a probe on a few pictures may take where others work too.
_JOB = 400
FIRST, SECOND = "happily surprised", "sadly angry"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this server keeps what users make."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(
    chromium: str, models: dict[str, str], home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of a server with a home of its own."""
    port, log = free_port(), tmp_path_factory.mktemp("server") / "log.txt"
    extra = models | {"FBN_HOME": str(home), "FBN_CACHE": str(home / "cache")}
    with serving(command(port, browser=False), port, log, environment() | extra) as address:
        yield address


@pytest.fixture(scope="module")
def pictures() -> list[dict]:
    """Six drawn faces, as an upload."""
    world = world_of("rafdb-compound", RelatednessTable.named("du2014"))
    drawn = [cv2.cvtColor(item.picture.image, cv2.COLOR_RGB2BGR) for item in draw_stills(world, 6, 112)]
    packed = [cv2.imencode(".png", picture)[1].tobytes() for picture in drawn]
    return [{"name": f"face-{i}.png", "mimeType": "image/png", "buffer": each} for i, each in enumerate(packed)]


def visit(browser: Browser, address: str, query: str = "") -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 1100})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/compound{query}")
    expect(page.get_by_role("heading", name="Compound expressions")).to_be_visible()
    return page


def labels(home: Path) -> dict[str, str]:
    return PictureSets(home / "compound").open("my-faces").labels.read()


def soon(found: dict[str, str], page: Page, look: Callable[[], dict[str, str]]) -> None:
    """What is on disk follows what was pressed."""
    end = time.monotonic() + PATIENCE / 1000
    while look() != found and time.monotonic() < end:
        page.wait_for_timeout(100)
    assert look() == found


def test_a_zip_that_leads_elsewhere_is_told_in_words_before_there_is_a_set(
    browser: Browser, server: str, home: Path, tmp_path: Path
):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../up.png", b"x")
    page = visit(browser, server)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(path)
    make = page.get_by_role("button", name="Make the set")
    expect(make).to_be_enabled()
    make.click()
    expect(page.get_by_text("bad.zip: '../../up.png' would lie outside")).to_be_visible()
    page.close()


#: As Streamlit calls a component to which new data comes before the earlier call has come back.
_TWICE_AT_ONCE = """async ([code, data]) => {
  document.body.innerHTML = '<div><div class="labeller"></div></div>'
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))
  const { default: component } = await import(url)
  const parentElement = document.body.firstElementChild, heard = window.heard = []
  const call = () => component({ data, parentElement, setTriggerValue: (_, message) => heard.push(message.actions) })
  const endEarlier = call()
  window.end = call()
  endEarlier()
}"""


def test_keys_are_heard_when_new_data_comes_before_the_last_was_drawn(browser: Browser):
    page = browser.new_page()
    picture = {"i": 0, "file": "face.png", "src": ""}
    data = {"set": "s", "classes": [{"name": "A", "key": "1"}, {"name": "B", "key": "2"}], "labels": [-1], "total": 1}
    data |= {"pictures": [picture], "at": 0, "jump": 0, "heard": "", "ack": 0, "undo": "", "redo": ""}
    code = (files("fbn") / "ui" / "compound" / "labeller.js").read_text("utf-8")
    page.evaluate(_TWICE_AT_ONCE, [code, data])
    page.keyboard.press("2")
    told = [{"kind": "label", "i": 0, "file": "face.png", "label": 1, "n": 1}]
    assert page.evaluate("heard") == [told], "told once, though the component was called twice"
    page.evaluate("end()")
    page.keyboard.press("1")
    assert page.evaluate("heard") == [told], "a component that is gone hears no keys"
    page.close()


def test_label_by_keyboard_learn_close_the_browser_and_come_back(
    browser: Browser, server: str, home: Path, pictures: list[dict], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FBN_HOME", str(home))
    page = visit(browser, server)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(pictures)
    make = page.get_by_role("button", name="Make the set")
    expect(make).to_be_enabled()
    make.click()
    expect(page.get_by_text("0 of 6 labelled")).to_be_visible()

    # faster than the server answers: no label may get lost, none on another picture
    for key in "141414":
        page.keyboard.press(key)
    expect(page.get_by_text("6 of 6 labelled")).to_be_visible()
    wanted = {f"face-{i}.png": (FIRST, SECOND)[i % 2] for i in range(6)}
    soon(wanted, page, lambda: labels(home))
    page.keyboard.press("Control+z")
    expect(page.get_by_text("5 of 6 labelled")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Delete")
    expect(page.get_by_text("4 of 6 labelled")).to_be_visible()
    soon({name: wanted[name] for name in list(wanted)[:4]}, page, lambda: labels(home))

    page.reload()
    expect(page.get_by_text("4 of 6 labelled")).to_be_visible()
    expect(page.get_by_text("5 / 6")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Happily surprised")).click()
    expect(page.get_by_text("6 / 6")).to_be_visible()
    page.keyboard.press("4")
    soon(wanted, page, lambda: labels(home))

    page.get_by_role("radio", name="Train", exact=True).click()
    page.get_by_role("button", name="Start learning").click()
    expect(page.get_by_text("my-faces: linear probe")).to_be_visible()
    page.close()

    (job,) = jobs.jobs()
    end = time.monotonic() + _JOB
    while jobs.job(job.id).active and time.monotonic() < end:
        time.sleep(1)
    assert jobs.job(job.id).status == "done", jobs.job(job.id).log()

    page = visit(browser, server, "?set=my-faces&view=Train")
    expect(page.get_by_text("Few-shot, mean diagonal")).to_be_visible()
    expect(page.get_by_test_id("stTabs").get_by_text("Learning curve")).to_be_visible()
    expect(page.get_by_role("table", name="Confusion matrix, Few-shot")).to_be_visible()
    page.get_by_role("button", name="Use it on Analyse").click()
    expect(page.get_by_role("heading", name="Analyse", exact=True)).to_be_visible()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("my-faces")
    page.close()

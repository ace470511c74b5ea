"""The Relatedness page in a browser: by click, by keyboard, in the grid; files, two sessions, a job and a restart."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from fbn import jobs
from fbn.bench.browser import free_port, serving
from fbn.cli.app import command, environment
from fbn.relatedness import RelatednessTable, Versions
from tests.browser.conftest import PATIENCE, settled

pytestmark = pytest.mark.browser
DU = RelatednessTable.named("du2014")
Open = Callable[[str], Page]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this server keeps what users make."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def saved(home: Path) -> Versions:
    """The tables saved on this server."""
    return Versions(home / "tables")


@pytest.fixture(scope="module")
def server(
    chromium: str, models: dict[str, str], home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of a server with a home of its own."""
    port, log = free_port(), tmp_path_factory.mktemp("server") / "log.txt"
    extra = models | {"FBN_HOME": str(home), "FBN_CACHE": str(home / "cache")}
    with serving(command(port, browser=False), port, log, environment() | extra) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[Open]:
    """Opens the page in a session of its own, at a query."""
    with ExitStack() as stack:

        def start(query: str = "") -> Page:
            context = browser.new_context(viewport={"width": 1280, "height": 1100}, accept_downloads=True)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(f"{server}/relatedness{query}")
            ready(page)
            return page

        yield start


def ready(page: Page) -> None:
    expect(page.get_by_role("gridcell").first).to_be_visible()
    expect(page.get_by_role("slider", name="Weight")).to_be_attached()


def cell(page: Page, place: str) -> Locator:
    """A cell of the heatmap, by a place such as ``Fear, AU5``."""
    return page.get_by_role("gridcell", name=re.compile(f"^{place} "))


def shows(page: Page, place: str, text: str) -> None:
    expect(cell(page, place)).to_have_text(text)


def selected(page: Page, title: str) -> None:
    """The panel beside the table has followed."""
    expect(page.get_by_text(title)).to_be_visible()


def type_into(page: Page, place: str, weight: str) -> None:
    cell(page, place).click()
    page.keyboard.type(weight)
    page.keyboard.press("Enter")


def popover(page: Page, label: str) -> None:
    page.get_by_test_id("stPopoverButton").filter(has_text=label).click()


def save_as(page: Page, name: str) -> None:
    popover(page, "Save as")
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("button", name="Save under this name").click()
    expect(page.get_by_text(f"Saved as “{name}”")).to_be_visible()


def view(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


def test_click_and_keyboard_edit_undo_save_reload_and_compare(visit: Open, saved: Versions):
    page = visit()
    cell(page, "Anger, AU9").click()
    selected(page, "Anger · AU9 Nose wrinkler")
    slider = page.get_by_role("slider", name="Weight")
    slider.press("End")
    shows(page, "Anger, AU9", "1")
    page.get_by_role("button", name="Undo").click()
    shows(page, "Anger, AU9", "")
    page.get_by_role("button", name="Redo").click()
    shows(page, "Anger, AU9", "1")
    cell(page, "Anger, AU9").click()
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    expect(cell(page, "Fear, AU5")).to_be_focused()
    page.keyboard.press("Delete")
    shows(page, "Fear, AU5", "")
    page.keyboard.press("Control+z")
    shows(page, "Fear, AU5", ".63")
    page.keyboard.press("Control+y")
    shows(page, "Fear, AU5", "")
    selected(page, "Fear · AU5 Upper lid raiser")
    save_as(page, "clicked")
    assert saved.load("clicked") == DU.edited("anger", 9, 1).edited("fear", 5, None)
    page.reload()
    ready(page)
    shows(page, "Fear, AU5", "")
    view(page, "Versions")
    expect(page.get_by_text("2 cells differ")).to_be_visible()
    shows(page, "Fear, AU5", "−")
    shows(page, "Anger, AU9", "+1")


def test_a_block_out_of_a_spreadsheet_is_pasted_in_one_step_or_refused_whole(visit: Open):
    page = visit()

    def paste(text: str) -> None:
        cell(page, "Anger, AU1").click()
        selected(page, "Anger · AU1 Inner brow raiser")
        settled(page)
        cell(page, "Anger, AU1").evaluate(
            """(cell, text) => {
                const clipboardData = new DataTransfer()
                clipboardData.setData('text/plain', text)
                cell.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, composed: true }))
            }""",
            text,
        )

    paste("0.4\t\t1\n,25\t0.5\n")
    selected(page, "Disgust · AU2 Outer brow raiser")
    for place, text in (("Anger, AU1", ".40"), ("Anger, AU4", "1"), ("Disgust, AU1", ".25"), ("Disgust, AU2", ".50")):
        shows(page, place, text)
    settled(page)
    page.get_by_role("button", name="Undo").click()
    shows(page, "Anger, AU1", "")
    shows(page, "Disgust, AU2", "")
    paste("0.4\t70")
    expect(page.get_by_text("anger, AU2 = '70': expected a weight from 0 to 1; it stays none")).to_be_visible()
    shows(page, "Anger, AU1", "")


def test_a_weight_that_is_none_is_told_and_stays_out_of_its_cell(visit: Open):
    page = visit()
    type_into(page, "Fear, AU5", "70")
    box = cell(page, "Fear, AU5").locator("input")
    expect(box).to_have_attribute("aria-invalid", "true")
    said = page.get_by_role("alert").filter(
        has_text="“70” is not a weight: expected a number from 0 to 1, as 0.7 for 70 %"
    )
    expect(said).to_contain_text("press Esc to keep .63")
    box.press("Escape")
    expect(said).to_have_count(0)
    shows(page, "Fear, AU5", ".63")
    # whoever goes on elsewhere is told too
    cell(page, "Fear, AU5").click()
    page.keyboard.type("7")
    cell(page, "Anger, AU9").click()
    expect(page.get_by_role("alert").filter(has_text="The cell keeps .63")).to_be_visible()
    type_into(page, "Anger, AU9", "0.5")
    shows(page, "Anger, AU9", ".50")
    expect(page.get_by_role("alert").filter(has_text="is not a weight")).to_have_count(0)


def test_what_an_edit_does_stays_in_sight_when_it_is_saved(visit: Open):
    page = visit()
    type_into(page, "Fear, AU5", "0.1")
    expect(page.get_by_text("differs from du2014")).to_be_visible()
    marked = page.get_by_role("gridcell", name=re.compile("^Fear, AU5 .*du2014: .63"))
    expect(marked).to_be_visible()
    save_as(page, "mine")
    expect(marked).to_be_visible()
    view(page, "On a face")
    expect(page.get_by_text("by the edit").first).to_be_visible()
    # what was said of the saving stays in its view
    expect(page.get_by_text("Saved as “mine”")).to_have_count(0)
    view(page, "Edit")
    expect(marked).to_be_visible()
    expect(page.get_by_text("Saved as “mine”")).to_have_count(0)
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option", name="affwild2", exact=True).click()
    expect(page.get_by_text("differs from affwild2")).to_be_visible()
    type_into(page, "Fear, AU5", "0.2")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("version 2")).to_be_visible()
    expect(page.get_by_text("differs from affwild2")).to_be_visible()


def test_a_reload_asks_before_an_edit_is_lost(visit: Open):
    page, asked = visit(), []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    cell(page, "Fear, AU5").click()
    page.reload()
    ready(page)
    assert asked == []
    type_into(page, "Fear, AU5", "0.1")
    shows(page, "Fear, AU5", ".10")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    page.reload()
    ready(page)
    assert asked == ["beforeunload"]


def test_export_and_import_and_a_broken_file(visit: Open, tmp_path: Path):
    page = visit()
    type_into(page, "Anger, AU9", "0.65")
    shows(page, "Anger, AU9", ".65")
    popover(page, "File")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as CSV").click()
    exported = tmp_path / "exported.csv"
    download.value.save_as(exported)
    assert RelatednessTable.read(exported) == DU.edited("anger", 9, 0.65)
    upload = page.get_by_test_id("stFileUploaderDropzoneInput")
    broken = exported.read_bytes().replace(b"0.65", b"6.5")
    upload.set_input_files({"name": "broken.csv", "mimeType": "text/csv", "buffer": broken})  # type: ignore[arg-type]
    expect(page.get_by_text("broken.csv: line 3: anger, AU9 = '6.5'")).to_be_visible()
    upload = page.get_by_test_id("stFileUploaderDropzoneInput")
    upload.set_input_files(exported)
    expect(page.get_by_text("“exported.csv” is open")).to_be_visible()
    shows(page, "Anger, AU9", ".65")


def test_two_sessions_never_overwrite_each_other(visit: Open, saved: Versions):
    saved.save("shared", DU, 0)
    first, second = visit("?table=shared"), visit("?table=shared")
    type_into(first, "Anger, AU9", "0.65")
    type_into(second, "Fear, AU5", "0.1")
    shows(second, "Fear, AU5", ".10")
    shows(first, "Anger, AU9", ".65")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.get_by_text("version 2")).to_be_visible()
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.get_by_text("Somebody saved version 2 of “shared”")).to_be_visible()
    assert saved.load("shared") == DU.edited("anger", 9, 0.65)
    second.get_by_role("button", name="Put mine on top of theirs").click()
    shows(second, "Anger, AU9", ".65")
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.get_by_text("Saved as “shared”, version 3")).to_be_visible()
    assert saved.load("shared") == DU.edited("anger", 9, 0.65).edited("fear", 5, 0.1)


def test_a_job_survives_the_server(
    browser: Browser, models: dict[str, str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    extra = models | {"FBN_HOME": str(home), "FBN_CACHE": str(home / "cache")}
    title = "du2014 against affwild2"

    def open_training(address: str) -> Page:
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/relatedness")
        ready(page)
        view(page, "Training")
        return page

    monkeypatch.setenv("FBN_HOME", str(home))
    port = free_port()
    with serving(command(port, browser=False), port, tmp_path / "one.txt", environment() | extra) as address:
        page = open_training(address)
        page.get_by_role("button", name="Start the comparison").click()
        expect(page.get_by_text(title)).to_be_visible()
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        page.close()
    (job,) = jobs.jobs()
    assert job.active
    port = free_port()
    with serving(command(port, browser=False), port, tmp_path / "two.txt", environment() | extra) as address:
        page = open_training(address)
        expect(page.get_by_text(title)).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text(re.compile("· (stopping|cancelled)"))).to_be_visible()
        # it looks up after every thousand faces, which a busy machine takes long to draw
        with suppress(ProcessLookupError):
            if pid := jobs.job(job.id).pid:
                os.killpg(pid, signal.SIGTERM)
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_text("None yet")).to_be_visible()
        page.close()
    assert jobs.jobs() == []


def test_a_table_of_people_is_edited_in_the_grid(visit: Open, saved: Versions) -> None:
    rows = "".join(f"{number},{number % 2},0.5,0\n" for number in range(1, 1001))
    page = visit()
    page.get_by_role("button", name="File").click()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": f"identity,Male,Young,Bald\n{rows}".encode()}
    )
    expect(page.get_by_text("1,000 people")).to_be_visible()
    page.get_by_placeholder("name or number").fill("999")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 1,000")).to_be_visible()
    settled(page)
    # the first column is the most telling attribute: half of the people have it always
    grid = page.get_by_test_id("stDataFrame").first
    grid.dblclick(position={"x": 150, "y": 50})
    page.locator("#portal input").fill("0.25")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    page.get_by_role("button", name="Save as").click()
    page.get_by_label("Name", exact=True).fill("crowd")
    page.get_by_role("button", name="Save under this name").click()
    expect(page.get_by_text("Saved as “crowd”, version 1.")).to_be_visible()
    assert saved.load("crowd").row("999") == {"Male": 0.25, "Young": 0.5}
    assert saved.load("crowd").row("997") == {"Male": 1.0, "Young": 0.5}

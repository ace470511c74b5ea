"""Navigation and the analyse page, in a browser."""

import csv
import io

import pytest
from playwright.sync_api import Page, expect

from fbn.inference.layouts import LAYOUTS
from tests.browser.conftest import PAGES, fits, settled

pytestmark = pytest.mark.browser


NAMES = ["Home", "Live", "Analyse", "Compound", "Studio", "Relatedness", "Coupling", "Study", "About"]
#: Notes whether Streamlit's own list of pages was ever there.
_WATCH = """new MutationObserver(() => {
  if (document.querySelector('[data-testid=stSidebarNav]')) window.listed = true;
}).observe(document, { childList: true, subtree: true })"""


def test_a_deep_link_opens_its_page_on_a_cold_server(page: Page, cold_app: str):
    page.add_init_script(_WATCH)
    page.goto(f"{cold_app}/about")
    expect(page.get_by_role("heading", name="About", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stTopNavLink")).to_contain_text(NAMES)
    assert not page.evaluate("window.listed")


def test_navigation_keeps_the_frame(page: Page, app: str):
    page.goto(app)
    expect(page.get_by_role("heading", name="FaceBehaviorNet")).to_be_visible()
    page.get_by_test_id("stPageLink-NavLink").filter(has_text="Analyse").click()
    expect(page.get_by_role("heading", name="Analyse")).to_be_visible()
    expect(page).to_have_url(f"{app}/analyse")


def test_a_phone_has_the_pages_in_a_menu(page: Page, app: str):
    page.set_viewport_size({"width": 390, "height": 850})
    page.goto(f"{app}/about")
    page.get_by_test_id("stExpandSidebarButton").click()
    link = page.get_by_test_id("stSidebarNavLink")
    expect(link).to_contain_text(NAMES)
    link.filter(has_text="Analyse").click()
    expect(page.get_by_role("heading", name="Analyse")).to_be_visible()


def test_sample_to_table_to_download(page: Page, app: str):
    page.goto(f"{app}/analyse")
    page.get_by_role("button", name="Use the sample picture").click()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    rows = list(csv.reader(io.StringIO(download.value.path().read_text())))
    assert tuple(rows[0]) == LAYOUTS["fbn"].columns
    assert [row[0] for row in rows[1:]] == ["astronaut.png"]


def test_a_bad_file_is_told_in_words(page: Page, app: str):
    page.goto(f"{app}/analyse")
    files = [
        {"name": "text.jpg", "mimeType": "image/jpeg", "buffer": b"this is no picture"},
        {"name": "broken.mp4", "mimeType": "video/mp4", "buffer": b"\0\0\0\x18ftypmp42"},
    ]
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)  # type: ignore[arg-type]
    expect(page.get_by_text("text.jpg: not a picture")).to_be_visible()
    expect(page.get_by_text("broken.mp4: not a video")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_no_page_scrolls_sideways(page: Page, app: str):
    for name in PAGES:
        page.goto(f"{app}/{name}")
        expect(page.get_by_role("heading", level=1).first).to_be_visible()
        settled(page)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 850})
            fits(page)

"""The studio in a browser: by keyboard, to a file and back."""

import pytest
from playwright.sync_api import Page, expect

from fbn.ui.studio import load_face, with_unit
from tests.browser.conftest import PATIENCE

pytestmark = pytest.mark.browser


@pytest.fixture
def studio(page: Page, app: str) -> Page:
    page.set_default_timeout(PATIENCE)
    page.goto(f"{app}/studio")
    expect(page.get_by_text("Drawn and read")).to_be_visible(timeout=PATIENCE)
    return page


def test_a_key_press_redraws_the_face_and_its_comparison(studio: Page):
    picture = studio.locator(".st-key-studio_face img")
    row = studio.get_by_role("listitem").filter(has_text="AU9")
    expect(row).to_contain_text("0.00", timeout=PATIENCE)
    before = picture.get_attribute("src")
    studio.get_by_role("slider", name="AU9 Nose wrinkler").press("End")
    expect(row).to_contain_text("1.00", timeout=PATIENCE)
    expect(picture).not_to_have_attribute("src", before or "")
    studio.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("0.00", timeout=PATIENCE)
    assert studio.get_by_role("slider", name="AU9 Nose wrinkler").input_value() == "0"


def test_a_face_is_saved_and_loaded(studio: Page):
    studio.get_by_role("button", name="Save or load").click()
    with studio.expect_download(timeout=PATIENCE) as download:
        studio.get_by_role("button", name="Face (JSON)").click()
    face = load_face("fbn-face.json", download.value.path().read_bytes())
    frown = with_unit(face, 4, 0.65).model_dump_json().encode()
    uploader = studio.get_by_test_id("stFileUploaderDropzoneInput").last
    uploader.set_input_files({"name": "frown.json", "mimeType": "application/json", "buffer": frown})  # type: ignore[arg-type]
    expect(studio.get_by_role("listitem").filter(has_text="AU4")).to_contain_text("0.65", timeout=PATIENCE)


def test_the_quiz_goes_by_keyboard(studio: Page):
    studio.get_by_role("radio", name="Quiz").click()
    studio.get_by_role("button", name="Start").press("Enter")
    studio.get_by_role("checkbox").first.press("Space")
    studio.get_by_role("button", name="Check").press("Enter")
    studio.get_by_role("button", name="Next face").press("Enter")
    expect(studio.get_by_text("Face 2 of 10")).to_be_visible(timeout=PATIENCE)
    expect(studio.get_by_test_id("stException")).to_have_count(0)

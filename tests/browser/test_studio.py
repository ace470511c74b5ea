"""The studio in a browser: by keyboard, to a file and back."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from fbn.synthetic.editing import load_face, with_unit
from tests.browser.conftest import settled

pytestmark = pytest.mark.browser


@pytest.fixture
def studio(page: Page, app: str) -> Page:
    page.goto(f"{app}/studio")
    expect(page.get_by_text("Drawn and read")).to_be_visible()
    settled(page)
    return page


def test_a_key_press_redraws_the_face_and_its_comparison(studio: Page):
    picture = studio.locator(".st-key-studio_face img")
    row = studio.get_by_role("listitem").filter(has_text="AU9")
    expect(row).to_contain_text("0.00")
    before = picture.get_attribute("src")
    studio.get_by_role("slider", name="AU9 Nose wrinkler").press("End")
    expect(row).to_contain_text("1.00")
    expect(picture).not_to_have_attribute("src", before or "")
    studio.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("0.00")
    # a slider takes what the page sets it to some 0.1 s after the rest is drawn
    expect(studio.get_by_role("slider", name="AU9 Nose wrinkler")).to_have_value("0")


def test_to_look_at_the_table_does_not_change_it(studio: Page):
    studio.get_by_role("slider", name="AU9 Nose wrinkler").press("End")
    row = studio.get_by_role("listitem")
    expect(row.filter(has_text="AU9")).to_contain_text("1.00")
    studio.get_by_role("button", name="Table").click()
    chosen = studio.get_by_role("combobox", name="Relatedness table")
    expect(chosen).to_have_value("du2014")
    studio.keyboard.press("Escape")
    settled(studio)
    studio.get_by_role("slider", name="AU4 Brow lowerer").press("End")
    expect(row.filter(has_text="AU4")).to_contain_text("1.00")
    # the other table's smile has AU7
    expect(row.filter(has_text="AU7")).to_contain_text("0.00")
    studio.get_by_role("button", name="Table").click()
    expect(chosen).to_have_value("du2014")
    chosen.click()
    studio.get_by_role("option", name="affwild2").click()
    expect(row.filter(has_text="AU7")).to_contain_text("0.80")
    expect(chosen).to_have_value("affwild2")


def test_a_face_is_saved_and_loaded(studio: Page):
    studio.get_by_role("button", name="Save or load").click()
    with studio.expect_download() as download:
        studio.get_by_role("button", name="Face (JSON)").click()
    face = load_face("fbn-face.json", download.value.path().read_bytes())
    frown = with_unit(face, 4, 0.65).model_dump_json().encode()
    uploader = studio.get_by_test_id("stFileUploaderDropzoneInput").last
    uploader.set_input_files({"name": "frown.json", "mimeType": "application/json", "buffer": frown})  # type: ignore[arg-type]
    expect(studio.get_by_role("listitem").filter(has_text="AU4")).to_contain_text("0.65")


def test_the_quiz_goes_by_keyboard(studio: Page):
    studio.get_by_role("radio", name="Quiz").click()
    studio.get_by_role("button", name="Start").press("Enter")
    studio.get_by_role("checkbox").first.press("Space")
    studio.get_by_role("button", name="Check").press("Enter")
    studio.get_by_role("button", name="Next face").press("Enter")
    expect(studio.get_by_text("Face 2 of 10")).to_be_visible()
    expect(studio.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_a_button_says_stands_out_from_it(page: Page, app: str, scheme: Literal["light", "dark"]):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{app}/studio")
    page.get_by_role("radio", name="Quiz").click()
    start = page.get_by_role("button", name="Start")
    page.mouse.move(0, 0)
    expect(start).to_be_visible()
    read = "b => [b, b.querySelector('p')].map((e, i) => getComputedStyle(e)[i ? 'color' : 'backgroundColor'])"
    light, dark = sorted((_luminance(colour) for colour in start.evaluate(read)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def _luminance(colour: str) -> float:
    """WCAG's, of ``rgb(r, g, b)``."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

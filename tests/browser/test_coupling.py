"""The Coupling lab in a browser: through the lesson by keyboard, a training started and stopped; Live's conflicts."""

import pytest
from playwright.sync_api import Browser, Page, expect

from fbn.ui.coupling.page import STEPS
from tests.browser.conftest import PATIENCE, settled

pytestmark = pytest.mark.browser


@pytest.fixture
def lab(page: Page, app: str) -> Page:
    page.goto(f"{app}/coupling")
    expect(page.get_by_text(STEPS[0].title)).to_be_visible()
    return page


def test_the_lesson_goes_by_keyboard_and_its_figures_follow(lab: Page):
    lab.get_by_role("button", name="Next step").press("Enter")
    expect(lab.get_by_text("Cross entropy p = 0,")).to_be_visible()
    settled(lab)
    lab.get_by_role("slider").first.press("End")
    expect(lab.get_by_text("Cross entropy p = 1,")).to_be_visible()
    expect(lab.locator(".js-plotly-plot")).to_have_count(2)
    for step in STEPS[2:]:
        lab.get_by_role("button", name="Next step").press("Enter")
        expect(lab.get_by_text(step.title)).to_be_visible()
    expect(lab.get_by_test_id("stException")).to_have_count(0)


def test_a_training_grows_in_the_page_is_found_after_a_reload_and_stops(lab: Page, browser: Browser, app: str):
    lab.get_by_role("radio", name="Training").click()
    lab.get_by_role("button", name="Start training").click()
    expect(lab.get_by_text("Training: step")).to_be_visible(timeout=2 * PATIENCE)
    expect(lab.locator(".js-plotly-plot")).to_have_count(3)
    # a reload finds it again, another viewer sees it too, and each can stop it
    lab.reload()
    expect(lab.get_by_text("Training: step")).to_be_visible()
    expect(lab.get_by_role("button", name="Stop")).to_be_visible()
    other = browser.new_page()
    other.goto(f"{app}/coupling?step=6")
    other.get_by_role("button", name="Stop").click(timeout=PATIENCE)
    expect(other.get_by_role("button", name="Start training")).to_be_visible()
    other.close()
    expect(lab.get_by_role("button", name="Start training")).to_be_visible()
    expect(lab.get_by_text("One pair with one seed")).to_be_visible()


def test_a_step_is_in_the_address_for_links_reload_and_back(lab: Page, app: str):
    lab.get_by_role("button", name="Next step").click()
    expect(lab.get_by_text(STEPS[1].title)).to_be_visible()
    expect(lab).to_have_url(f"{app}/coupling?step=2")
    settled(lab)
    lab.get_by_role("radio", name="4 Gradients").click()
    expect(lab).to_have_url(f"{app}/coupling?step=4")
    lab.reload()
    expect(lab.get_by_text(STEPS[3].title)).to_be_visible()
    settled(lab)
    lab.go_back()
    expect(lab.get_by_text(STEPS[1].title)).to_be_visible()
    expect(lab).to_have_url(f"{app}/coupling?step=2")
    settled(lab)
    lab.go_forward()
    expect(lab.get_by_text(STEPS[3].title)).to_be_visible()


def test_live_lists_conflicts_of_a_picture(page: Page, app: str):
    page.goto(f"{app}/live")
    page.get_by_role("radio", name="Picture").click()
    page.get_by_role("button", name="Options").click()
    page.get_by_text("Conflicts").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Statements in conflict")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)

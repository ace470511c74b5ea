"""WCAG AA, as far as a machine sees it: words for pictures and plots, contrast, tables on a phone."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessible import faint_texts, unnamed_pictures
from tests.browser.conftest import PAGES, PATIENCE, settled

pytestmark = pytest.mark.browser


def _look(page: Page, where: str) -> list[str]:
    settled(page)
    # plots and captions come after the last word of the server
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    return [f"{where}: {found}" for found in (*unnamed_pictures(page), *faint_texts(page))]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_have_words_and_text_has_contrast(browser: Browser, app: str, scheme: str):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    found = []
    for name in PAGES:
        page.goto(f"{app}/{name}")
        expect(page.get_by_role("heading", level=1).first).to_be_visible()
        found += _look(page, name or "home")
    page.goto(f"{app}/analyse")
    page.get_by_role("button", name="Use the sample picture").click()
    expect(page.get_by_role("img", name="The picture with what was found: Face 0: happiness")).to_be_visible()
    found += _look(page, "analysed")
    page.goto(f"{app}/study")
    expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible()
    found += _look(page, "study's plots")
    page.goto(f"{app}/relatedness")
    page.get_by_role("button", name="Save as").click()
    expect(page.get_by_role("button", name="Save under this name")).to_be_visible()
    page.mouse.move(0, 0)
    found += _look(page, "a popover")
    context.close()
    assert found == []


def test_the_model_cards_tables_fit_a_phone_and_break_no_number(page: Page, app: str):
    page.set_viewport_size({"width": 390, "height": 850})
    page.goto(f"{app}/about")
    expect(page.locator("table").first).to_be_visible()
    settled(page)
    # the page takes a moment to be laid out in its narrow window
    right = "[...document.querySelectorAll('table :is(th, td)')].map(cell => cell.getBoundingClientRect().right)"
    page.wait_for_function(f"Math.max(...{right}) <= 390")
    # a number that is broken has its digits on more lines than one
    lines = """[...document.querySelectorAll('table td')].filter(cell => /^[-\\d.]+$/.test(cell.innerText))
    .map(cell => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return new Set([...range.getClientRects()].map(box => box.top)).size;
    })"""
    assert set(page.evaluate(lines)) == {1}

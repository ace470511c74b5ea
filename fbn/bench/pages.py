"""``fbn bench pages``: response times of the Face studio and the Relatedness page in a browser.

Chromium is operated with real key and mouse events. The time is measured in the page, from the event to the first frame
in which the result is visible and Streamlit is idle. Every interaction alternates between two states, so that each
repetition changes something.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fbn.bench.browser import app_command, chromium_flags, find_chromium, free_port, serving
from fbn.errors import FbnError, MissingFileError

if TYPE_CHECKING:
    from playwright.sync_api import Page

_TIMEOUT_MS = 60_000
_READER = """
(() => {
  for (const kind of ['pointerdown', 'keydown', 'input'])
    addEventListener(kind, event => { if (event.isTrusted) window.fbnPressed = performance.now() }, true);
  const parts = '[class*=stBidiComponent], [class*=stBidiComponent] *';
  const roots = () => [document, ...[...document.querySelectorAll(parts)].map(e => e.shadowRoot).filter(Boolean)];
  const all = what => roots().flatMap(root => [...root.querySelectorAll(what)]);
  window.fbnCell = name => all('td[role=gridcell]').find(
    cell => (cell.getAttribute('aria-label') || '').startsWith(name + ' '))?.querySelector('i').textContent;
  window.fbnSays = words => document.querySelector('[data-testid=stMain]').textContent.includes(words);
  window.fbnCount = what => all(what).filter(element => element.checkVisibility()).length;
  const idle = () => document.querySelector('[data-test-script-state]').dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-stale=true]');
  window.fbnWatch = done => {
    window.fbnPressed = NaN;
    window.fbnTook = new Promise((resolve, reject) => {
      const end = performance.now() + 60000;
      const look = () => {
        if (window.fbnPressed && done() && idle()) resolve(performance.now() - window.fbnPressed);
        else if (performance.now() > end) reject(new Error('no answer within a minute'));
        else requestAnimationFrame(look);
      };
      look();
    });
  };
})()
"""


@dataclass(frozen=True)
class Interaction:
    """A reversible user interaction.

    Attributes:
        name: name in the results, starting with the page.
        act: performs the interaction (True) or reverses it (False).
        answers: JavaScript that is true once the result is visible, after ``act`` and after its reversal.
        begin: brings the page to the initial state.
    """

    name: str
    act: "Callable[[Page, bool], None]"
    answers: tuple[str, str]
    begin: "Callable[[Page], None]" = lambda page: None


def measure(count: int = 20) -> dict[str, Any]:
    """Measure every interaction of both pages.

    Args:
        count: timed repetitions of each, after two to warm up.

    Returns:
        Interaction -> ``median_ms`` and ``p95_ms``; ``slowest_ms``, the largest median; ``count``.

    Raises:
        FbnError: no browser, no Playwright, or the page did not answer.
    """
    try:
        from playwright.sync_api import Error
    except ImportError as error:
        raise MissingFileError("fbn bench pages needs Playwright: pip install 'fbn[test]'") from error
    results: dict[str, Any] = {}
    with _page() as page:
        try:
            for interaction in INTERACTIONS:
                interaction.begin(page)
                results[interaction.name] = figures(_times(page, interaction, count))
        except Error as error:
            raise FbnError(f"{interaction.name}: the page did not answer: {error.message[:300]}") from None
    return {**results, "slowest_ms": max(each["median_ms"] for each in results.values()), "count": count}


def figures(times: list[float]) -> dict[str, float]:
    """Return median and 95th percentile of milliseconds."""
    return {"median_ms": float(np.median(times)), "p95_ms": float(np.percentile(times, 95))}


def _times(page: "Page", interaction: Interaction, count: int) -> list[float]:
    times = []
    # two to warm up; an even number, so that the page returns to its initial state
    for i in range(2 + count + count % 2):
        forth = i % 2 == 0
        answer = interaction.answers[0 if forth else 1]
        if page.evaluate(answer):
            raise FbnError(f"{interaction.name}: the answer stands before the question: {answer}")
        page.evaluate(f"fbnWatch(() => {answer})")
        interaction.act(page, forth)
        times.append(float(page.evaluate("fbnTook")))
        # let late work (images, the browser's housekeeping) finish before the next measurement
        page.wait_for_timeout(150)
    return times[2:]


@contextmanager
def _page() -> "Iterator[Page]":
    from playwright.sync_api import sync_playwright

    executable, port = find_chromium(), free_port()
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder, ExitStack() as stack:
        environment = os.environ | {"FBN_HOME": str(Path(folder, "home"))}
        address = stack.enter_context(serving(app_command(port), port, Path(folder, "log.txt"), environment))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=executable, args=chromium_flags())
        stack.callback(browser.close)
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.set_default_timeout(_TIMEOUT_MS)
        page.add_init_script(_READER)
        page.goto(address)
        yield page


def _to_relatedness(page: "Page") -> None:
    page.get_by_role("link", name="Relatedness").click()
    page.get_by_role("slider", name="Weight").wait_for(state="attached")
    page.get_by_role("gridcell").first.wait_for()
    page.wait_for_timeout(2000)


def _to_studio(page: "Page") -> None:
    """Store the addresses of both pictures; equal faces have equal addresses."""
    page.get_by_role("link", name="Studio").click()
    page.get_by_text("Drawn and read").wait_for()
    for step in ("ArrowRight", "ArrowLeft"):
        page.wait_for_timeout(2000)
        page.evaluate(f"(window.fbnPictures ??= []).push({_PICTURE}.src)")
        page.get_by_role("slider", name=_MUSCLE).press(step)
    page.wait_for_timeout(2000)


def _click(page: "Page", name: str) -> None:
    page.get_by_role("gridcell", name=f"{name} ").click()


def _type(page: "Page", forth: bool) -> None:
    page.keyboard.type("0.4" if forth else "0.7")
    page.keyboard.press("Enter")


def _radio(page: "Page", name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


def _choose(page: "Page", name: str) -> None:
    page.get_by_role("combobox", name="Table").click()
    page.get_by_role("option", name=name).click()


def _between(first: str, second: str) -> "Callable[[Page, bool], None]":
    return lambda page, forth: _radio(page, first if forth else second)


def _slide(page: "Page", forth: bool) -> None:
    page.get_by_role("slider", name="Weight").press("End" if forth else "Home")


def _turn_back(page: "Page", forth: bool) -> None:
    page.get_by_role("button", name="Undo" if forth else "Redo").click()


def _to_face(page: "Page") -> None:
    _radio(page, "On a face")
    page.get_by_text("Statements in conflict").wait_for()
    page.wait_for_timeout(2000)
    _click(page, "Fear, AU5")
    page.wait_for_timeout(1000)


_SAYS = "fbnSays('{}')"
_PICTURE, _MUSCLE = "document.querySelector('.st-key-studio_face img')", "AU9 Nose wrinkler"
_SHOWS = f"{_PICTURE}?.complete && {_PICTURE}.src === fbnPictures[{{}}]"
INTERACTIONS: tuple[Interaction, ...] = (
    Interaction(
        "studio: move a muscle",
        lambda page, forth: page.get_by_role("slider", name=_MUSCLE).press("ArrowRight" if forth else "ArrowLeft"),
        (_SHOWS.format(1), _SHOWS.format(0)),
        _to_studio,
    ),
    Interaction(
        "relatedness: select a cell",
        lambda page, forth: _click(page, "Anger, AU9" if forth else "Fear, AU5"),
        (_SAYS.format("Anger · AU9"), _SAYS.format("Fear · AU5")),
        _to_relatedness,
    ),
    Interaction(
        "relatedness: arrow key",
        lambda page, forth: page.keyboard.press("ArrowRight" if forth else "ArrowLeft"),
        (_SAYS.format("Fear · AU6"), _SAYS.format("Fear · AU5")),
        lambda page: _click(page, "Fear, AU5"),
    ),
    Interaction(
        "relatedness: type a weight",
        _type,
        ("fbnCell('Fear, AU5') === '.40'", "fbnCell('Fear, AU5') === '.70'"),
        lambda page: _click(page, "Fear, AU5"),
    ),
    Interaction("relatedness: slider", _slide, ("fbnCell('Fear, AU5') === '1'", "fbnCell('Fear, AU5') === ''")),
    Interaction(
        "relatedness: prototypical or none",
        _between("Prototypical", "None"),
        ("fbnCell('Fear, AU5') === '1'", "fbnCell('Fear, AU5') === ''"),
    ),
    Interaction("relatedness: undo, redo", _turn_back, ("fbnCell('Fear, AU5') === '1'", "fbnCell('Fear, AU5') === ''")),
    Interaction(
        "relatedness: compound rows",
        lambda page, forth: page.get_by_text("Compound expressions").click(),
        ("fbnCount('tbody tr') === 7", "fbnCount('tbody tr') === 22"),
    ),
    Interaction(
        "relatedness: another table",
        lambda page, forth: _choose(page, "affwild2" if forth else "du2014"),
        ("fbnCell('Fear, AU7') === '.57'", "fbnCell('Fear, AU7') === ''"),
    ),
    Interaction(
        "relatedness: heatmap or grid",
        _between("Grid", "Heatmap"),
        ("fbnCount('[data-testid=stDataFrame] canvas') > 0", "fbnCount('td[role=gridcell]') > 0"),
    ),
    Interaction(
        "relatedness: to versions and back",
        _between("Versions", "Edit"),
        (_SAYS.format("Saved versions"), _SAYS.format("A typical face")),
    ),
    Interaction(
        "relatedness: to infer and back",
        _between("Infer", "Edit"),
        (_SAYS.format("Draw and count"), _SAYS.format("A typical face")),
    ),
    Interaction(
        "relatedness: to training and back",
        _between("Training", "Edit"),
        (_SAYS.format("Start the comparison"), _SAYS.format("A typical face")),
    ),
    Interaction(
        "relatedness: a weight, seen on a face",
        _type,
        ("fbnCell('Fear, AU5') === '.40'", "fbnCell('Fear, AU5') === '.70'"),
        _to_face,
    ),
    Interaction(
        "relatedness: another face",
        lambda page, forth: page.get_by_role("slider", name="How strongly").press(
            "ArrowLeft" if forth else "ArrowRight"
        ),
        (_SAYS.format("Fear at 75%"), _SAYS.format("Fear at 80%")),
    ),
)

"""The app on a server of its own, and Chromium with a fake webcam that plays the astronaut."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fbn.bench.browser import chromium_flags, find_chromium, free_port, serving
from fbn.bench.live import write_clip
from fbn.cli.app import command, environment
from fbn.errors import MissingFileError
from fbn.models import store

#: Milliseconds for whatever a page is asked: a busy machine takes long to import torch on the first page.
PATIENCE = 120_000
#: Addresses of all pages.
PAGES = ("", "live", "analyse", "compound", "studio", "relatedness", "coupling", "study", "about")
expect.set_options(timeout=PATIENCE)


def settled(page: Page) -> None:
    """The page has said all it had to say: what a widget is told before that may be lost with the answer."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def fits(page: Page) -> None:
    """Nothing is wider than the page, once plots have taken its width."""
    page.wait_for_function(
        "(main => main.scrollWidth <= main.clientWidth)(document.querySelector('[data-testid=stMain]'))"
    )


@pytest.fixture(scope="session")
def chromium() -> str:
    try:
        return find_chromium()
    except MissingFileError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "astronaut.mjpeg")


@pytest.fixture(scope="session")
def browser_type_launch_args(chromium: str, clip: Path) -> dict:
    return {"executable_path": chromium, "args": chromium_flags(clip)}


@pytest.fixture(scope="session")
def browser_context_args() -> dict:
    return {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True}


@pytest.fixture
def page(page: Page) -> Page:
    page.set_default_timeout(PATIENCE)
    return page


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment that names a model: the installed one, else one with random weights."""
    if store.names():
        return {}
    from fbn.models.zoo import ZOO

    folder, zoo = tmp_path_factory.mktemp("models"), next(iter(ZOO))
    store.save(folder / store.default(), ZOO[zoo](), name=store.default(), zoo=zoo, card="# Random weights")
    return {"FBN_MODELS": str(folder)}


@pytest.fixture
def cold_app(chromium: str, models: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Address of a server that nobody has visited yet."""
    port = free_port()
    with serving(command(port, browser=False), port, tmp_path / "log.txt", environment() | models) as address:
        yield address


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shared server keeps what its visitors make."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def app(chromium: str, models: dict[str, str], home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that all tests share, started from another folder than the repository."""
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    before = Path.cwd()
    os.chdir(folder)
    try:
        variables = environment() | models | {"FBN_HOME": str(home)}
        with serving(command(port, browser=False), port, folder / "log.txt", variables) as address:
            yield address
    finally:
        os.chdir(before)

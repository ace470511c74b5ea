"""Makes the README's pictures, on scikit-image's astronaut: ``python -m tests.browser.pictures [FOLDER]``."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from fbn.bench.browser import chromium_flags, find_chromium, free_port, serving
from fbn.bench.live import write_clip
from fbn.cli.app import command, environment
from tests.browser.conftest import PATIENCE


def live(page: Page, address: str) -> None:
    """The live page after ten seconds of video."""
    page.goto(f"{address}/live")
    page.frame_locator("iframe").get_by_role("button", name="Start the camera").click()
    expect(page.get_by_text("Brow lowerer")).to_be_visible()
    page.wait_for_timeout(10_000)


def analyse(page: Page, address: str) -> None:
    """The analyse page on the sample."""
    page.goto(f"{address}/analyse")
    page.get_by_role("button", name="Use the sample picture").click()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    page.wait_for_timeout(3000)


def main(folder: Path) -> None:
    """Write ``live.png``, ``analyse.png`` and their dark and narrow variants into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        clip = write_clip(Path(temporary, "clip.mjpeg"), stamped=False)
        with serving(command(port, browser=False), port, Path(temporary, "log.txt"), environment()) as address:
            for show in (live, analyse):
                for variant, width, scheme in (("", 1280, "light"), ("-dark", 1280, "dark"), ("-phone", 390, "light")):
                    browser = playwright.chromium.launch(executable_path=find_chromium(), args=chromium_flags(clip))
                    page = browser.new_page(viewport={"width": width, "height": 1500}, color_scheme=scheme)  # type: ignore[arg-type]
                    page.set_default_timeout(PATIENCE)
                    show(page, address)
                    page.screenshot(path=folder / f"{show.__name__}{variant}.png")
                    browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "assets/pictures"))

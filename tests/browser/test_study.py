"""The Study page in a browser: a study as a job, what was found, its plots, its files."""

import csv
import io
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fbn import jobs
from fbn.bench.browser import free_port, serving
from fbn.cli.app import command, environment
from tests.browser.conftest import fits, settled
from tests.ui.studied import make

pytestmark = pytest.mark.browser
#: Seconds for a smoke study of two rows on a busy machine.
_JOB = 400


def test_a_study_is_looked_at_and_taken_along(
    page: Page, chromium: str, models: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make(tmp_path / "mine")
    monkeypatch.setenv("FBN_HOME", str(tmp_path / "home"))
    port = free_port()
    with serving(command(port, browser=False), port, tmp_path / "log.txt", environment() | models) as address:
        page.goto(f"{address}/study")
        page.get_by_role("button", name="Open a folder").click()
        page.get_by_role("textbox", name="Folder that fbn study wrote").fill(str(tmp_path / "mine"))
        page.get_by_role("button", name="Open it").click()
        expect(page.get_by_text("is better than no coupling on")).to_be_visible()
        expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible()
        page.get_by_role("button", name="Download").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Every run (runs.csv)").click()
        lines = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
        assert {line["row"] for line in lines} >= {"none", "both"}
        page.keyboard.press("Escape")
        page.get_by_role("radio", name="All figures", exact=True).click()
        expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
        expect(page).to_have_url(re.compile("view=All\\+figures"))
        page.set_viewport_size({"width": 390, "height": 850})
        settled(page)
        fits(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.slow
def test_a_smoke_study_runs_is_watched_and_cancelled(
    page: Page,
    chromium: str,
    models: dict[str, str],
    drawn_once: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("FBN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FBN_CACHE", str(drawn_once))
    port, work = free_port(), {"FBN_CACHE": str(tmp_path / "cache")}
    with serving(command(port, browser=False), port, tmp_path / "log.txt", environment() | models | work) as address:
        page.goto(f"{address}/study?view=Run+one")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("cancelled").first).to_be_visible()
        request = {"budget": "smoke", "rows": ["none", "match"], "seeds": 1, "first_seed": 7}
        job = jobs.start("study", "Two rows", {"study": "affect", "request": request})
        end = time.monotonic() + _JOB
        while jobs.job(job.id).active and time.monotonic() < end:
            time.sleep(1)
        assert jobs.job(job.id).status == "done", jobs.job(job.id).log()
        page.goto(f"{address}/study?study={job.id}&view=What+was+found")
        expect(page.get_by_text("Its figures mean nothing")).to_be_visible()
        expect(page.get_by_text("it cannot be told").first).to_be_visible()

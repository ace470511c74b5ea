"""Nothing leaves the machine: neither the browser nor the server asks another one for anything."""

import ipaddress
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aioice.ice import get_host_addresses
from playwright.sync_api import Page, expect

from fbn.bench.browser import free_port, serving
from fbn.cli.app import command, environment
from tests.browser.conftest import PAGES, settled

pytestmark = pytest.mark.browser
_LOCAL = ("data", "blob", "about")
_ADDRESS = re.compile(r'inet_(?:addr\(|pton\(AF_INET6, &?)"([^"]+)"')


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """The server's calls to other addresses, where strace is at hand to write them."""
    return tmp_path / "calls.txt"


@pytest.fixture
def watched(chromium: str, models: dict[str, str], tmp_path: Path, calls: Path) -> Iterator[str]:
    """A server of its own, whose connections are written down."""
    port = free_port()
    server = command(port, browser=False)
    if shutil.which("strace"):
        server = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto", "-o", str(calls), *server]
    with serving(server, port, tmp_path / "log.txt", environment() | models) as address:
        yield address


def test_no_page_asks_another_machine_for_anything(page: Page, watched: str, calls: Path):
    here, asked = urlsplit(watched).netloc, []

    def note(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _LOCAL and parts.netloc != here:
            asked.append(url)

    page.context.on("request", lambda request: note(request.url))
    page.on("websocket", lambda socket: note(socket.url))
    page.context.route(lambda url: urlsplit(url).netloc not in {here, ""}, lambda route: route.abort())
    for name in PAGES:
        page.goto(f"{watched}/{name}")
        expect(page.get_by_role("heading", level=1).first).to_be_visible()
        settled(page)
    icon = page.locator("link[rel~=icon]").get_attribute("href")
    page.goto(f"{watched}/live")
    page.frame_locator("iframe").get_by_role("button", name="Start the camera").click()
    expect(page.get_by_text("Brow lowerer")).to_be_visible()
    page.get_by_text("Clip", exact=True).first.click()
    expect(page.get_by_text("It goes the same way")).to_be_visible()
    expect(page.locator("iframe")).to_have_count(1)
    page.frame_locator("iframe").get_by_role("button", name="Play the clip").click()
    expect(page.get_by_text("Frames/s")).to_be_visible()
    assert asked == []
    assert icon is not None
    assert page.request.get(f"{watched}{icon}" if icon.startswith("/") else icon).ok
    if calls.exists():
        own = set(get_host_addresses(use_ipv4=True, use_ipv6=True)) | {"0.0.0.0", "::"}
        found = set(_ADDRESS.findall(calls.read_text())) - own
        assert {address for address in found if not ipaddress.ip_address(address).is_loopback} == set()

"""Nothing leaves the machine: neither the browser nor the server asks another one for anything."""

import ipaddress
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from fbn.bench.browser import free_port, serving
from fbn.ui.server import command, environment
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
        server = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect", "-o", str(calls), *server]
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
    assert asked == []
    assert icon is not None
    assert page.request.get(f"{watched}{icon}" if icon.startswith("/") else icon).ok
    if calls.exists():
        found = {ipaddress.ip_address(text) for text in _ADDRESS.findall(calls.read_text())}
        # a datagram socket's connect sends nothing: WebRTC learns by it which of the machine's addresses is used
        assert {address for address in found if not address.is_loopback and not address.is_unspecified} == set()

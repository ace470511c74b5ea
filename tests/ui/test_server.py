"""How the app's server is started."""

import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from fbn.ui.server import command, environment


def test_the_server_listens_on_this_machine_alone(monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    assert "--server.address=127.0.0.1" in command(port=9000)
    assert "--server.port=9000" in command(port=9000)


def test_a_first_run_asks_for_nothing_and_opens_the_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BROWSER", str(browser))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = tmp_path / "page.py"
    page.write_text("")
    # a terminal at which nobody types
    with subprocess.Popen(
        command(port, script=page), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment(), cwd=tmp_path
    ) as server:
        try:
            end = time.monotonic() + 60
            while not opened.exists() and time.monotonic() < end:
                time.sleep(0.2)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=20) as answer:
                assert answer.read() == b"ok"
        finally:
            server.terminate()
    assert str(port) in opened.read_text()


def test_every_library_keeps_to_one_thread():
    assert environment()["OMP_NUM_THREADS"] == "1"

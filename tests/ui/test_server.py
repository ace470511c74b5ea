"""How the app's server is started."""

import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fbn.cli import application
from fbn.cli.app import command, environment


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
    said = tmp_path / "said"
    # a terminal at which nobody types
    with (
        said.open("w") as out,
        subprocess.Popen(
            command(port, script=page), stdin=subprocess.PIPE, stdout=out, env=environment(), cwd=tmp_path
        ) as server,
    ):
        try:
            end = time.monotonic() + 240
            while not opened.exists() and time.monotonic() < end:
                time.sleep(0.2)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=20) as answer:
                assert answer.read() == b"ok"
        finally:
            server.terminate()
    assert str(port) in opened.read_text()
    # its own page says what it is; Streamlit would offer add-ons to whoever programs
    assert "streamlit" not in said.read_text().lower()


def test_the_command_says_where_the_app_is(monkeypatch: pytest.MonkeyPatch):
    started: list[list[str]] = []
    monkeypatch.setattr("os.execve", lambda _, words, __: started.append(words))
    told = CliRunner().invoke(application, ["app", "--port", "9001", "--no-browser"])
    assert "http://127.0.0.1:9001" in told.output
    assert started == [command(9001, False)]


def test_every_library_keeps_to_one_thread():
    assert environment()["OMP_NUM_THREADS"] == "1"

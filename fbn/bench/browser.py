"""Chromium with a fake webcam, for measurements and browser tests."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from fbn.errors import FbnError, MissingFileError

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-component-update "
    "disable-sync use-fake-device-for-media-stream use-fake-ui-for-media-stream"
)


def find_chromium() -> str:
    """Return the path of the installed Chromium.

    Raises:
        MissingFileError: no Chromium is installed.
    """
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    raise MissingFileError(f"no browser found: expected one of {', '.join(_NAMES)} on the PATH")


def chromium_flags(clip: Path | None = None) -> list[str]:
    """Return flags that disable background activity and use ``clip`` (motion JPEG), in a loop, as a fake webcam."""
    flags = [f"--{flag}" for flag in _FLAGS.split()]
    return flags if clip is None else [*flags, f"--use-file-for-fake-video-capture={clip}"]


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def app_command(port: int) -> list[str]:
    """Return the user's command to start the app, so that its regular start-up code is measured."""
    return [sys.executable, "-c", "from fbn.cli import main; main()", "app", f"--port={port}", "--no-browser"]


@contextmanager
def serving(command: Sequence[str], port: int, log: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Run a Streamlit server during the block; yields its address.

    Raises:
        FbnError: it does not answer within three minutes; the message contains the end of its log.
    """
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=dict(environment))
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 180
        while not _answers(f"{address}/_stcore/health"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise FbnError(f"the app's server did not start: {log.read_text()[-500:]}")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False

"""``fbn app``."""

import os
import sys
from pathlib import Path

import typer

from fbn.resources import shipped


def command(port: int = 8501, browser: bool = True, script: Path | None = None) -> list[str]:
    """The command that starts the app's server. Streamlit reads ``.streamlit/config.toml`` beside the script.

    Args:
        port: on 127.0.0.1.
        browser: open the page in this machine's browser.
        script: another page than the app.
    """
    return [
        *(sys.executable, "-m", "streamlit", "run", str(script or shipped("app.py"))),
        # the flag outranks a STREAMLIT_SERVER_ADDRESS that opens other servers to the network
        "--server.address=127.0.0.1",
        f"--server.port={port}",
        f"--server.headless={'false' if browser else 'true'}",
        # on a machine's first run Streamlit would ask for an e-mail address, and start nothing until it is answered
        "--server.showEmailPrompt=false",
        # its welcome would offer add-ons for programmers, in the terminal and over the page
        "--logger.hideWelcomeMessage=true",
    ]


def environment() -> dict[str, str]:
    """The server's environment: one thread for each library, so that the video's encoder gets a core."""
    return os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""

    @app.command("app")
    def start(
        port: int = typer.Option(8501, help="Port on 127.0.0.1."),
        browser: bool = typer.Option(True, help="Open the app in this machine's browser."),
    ) -> None:
        """Start the app: the webcam read live, pictures and videos read into tables."""
        words = command(port, browser)
        typer.echo(f"fbn: http://127.0.0.1:{port} (Ctrl-C stops it)")
        sys.stdout.flush()
        # the server takes this process's place, so that Ctrl-C and a supervisor's signals reach it
        os.execve(words[0], words, environment())

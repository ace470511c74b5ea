"""``fbn app``."""

import os
import sys
from pathlib import Path

import typer

from fbn.resources import shipped


def command(port: int = 8501, browser: bool = True, script: Path | None = None) -> list[str]:
    """Return the command that starts the app's server. Streamlit reads ``.streamlit/config.toml`` beside the script.

    Args:
        port: port on 127.0.0.1.
        browser: open the page in this machine's browser.
        script: script to run instead of the app.
    """
    return [
        *(sys.executable, "-m", "streamlit", "run", str(script or shipped("app.py"))),
        # the flag takes precedence over STREAMLIT_SERVER_ADDRESS, which may open other servers to the network
        "--server.address=127.0.0.1",
        f"--server.port={port}",
        f"--server.headless={'false' if browser else 'true'}",
        # on its first run on a machine, Streamlit would ask for an e-mail address and wait for the answer
        "--server.showEmailPrompt=false",
        # the welcome message advertises developer tools in the terminal and on the page
        "--logger.hideWelcomeMessage=true",
    ]


def environment() -> dict[str, str]:
    """Return the server's environment: one thread per library, which leaves a core to the video encoder."""
    return os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""

    @app.command("app")
    def start(
        port: int = typer.Option(8501, help="Port on 127.0.0.1."),
        browser: bool = typer.Option(True, help="Open the app in this machine's browser."),
    ) -> None:
        """Start the app: the webcam read live, pictures and videos read into tables."""
        arguments = command(port, browser)
        typer.echo(f"fbn: http://127.0.0.1:{port} (Ctrl-C stops it)")
        sys.stdout.flush()
        # replace this process by the server, so that it receives Ctrl-C and other signals
        os.execve(arguments[0], arguments, environment())

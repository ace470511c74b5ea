"""The command that starts the app's server; the same in a checkout and from an installed wheel."""

import os
import sys
from pathlib import Path

from fbn.resources import shipped


def command(port: int = 8501, browser: bool = True, script: Path | None = None) -> list[str]:
    """What to execute. Streamlit reads ``.streamlit/config.toml`` beside the script, wherever one stands.

    Args:
        port: on 127.0.0.1.
        browser: open the page in this machine's browser.
        script: another page than the app.
    """
    headless = "false" if browser else "true"
    path = str(script or shipped("app.py"))
    # said here too: the flag outranks a STREAMLIT_SERVER_ADDRESS that opens other servers to the network
    where = ["--server.address=127.0.0.1", f"--server.port={port}"]
    # on a machine's first run Streamlit would ask for an e-mail address, and start nothing until it is answered
    # its welcome would offer add-ons for programmers, in the terminal and over the page
    how = [f"--server.headless={headless}", "--server.showEmailPrompt=false", "--logger.hideWelcomeMessage=true"]
    return [sys.executable, "-m", "streamlit", "run", path, *where, *how]


def environment() -> dict[str, str]:
    """The server's environment: one thread for each library, so that the video's encoder gets a core."""
    return os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

"""The code revision that made a result."""

import subprocess
from pathlib import Path

from fbn import __version__


def revision() -> str:
    """Return the repository's git sha, with ``-dirty`` if tracked files differ; without a repository, the version."""
    folder = Path(__file__).resolve().parent
    try:
        sha = _git(folder, "rev-parse", "HEAD")
        return sha + ("-dirty" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return __version__


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

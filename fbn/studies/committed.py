"""The studies that ship with fbn: their folders under ``assets/studies``, and the notes beside them."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

from fbn.errors import FbnError
from fbn.resources import shipped
from fbn.studies.folder import PLAN, SUMMARY
from fbn.studies.registry import STUDIES

NOTE = "NOTE.md"
#: Sections of a note: what was found, and what became of the papers' claims.
FOUND = ("What was found",)
CLAIMS = ("The papers' claims", "The paper's claims", "The paper's claim")
#: The study whose folders are named without it, as links to them have been from the first.
_UNNAMED = "affect"


def folder_of(study: str) -> str:
    """Return the shipped folder of a study, for ``fbn.resources.shipped``."""
    return f"assets/studies/{study}"


def committed(study: str = "") -> Iterator[tuple[str, Path]]:
    """Yield name and folder of each finished study that ships, those with many arms first.

    Args:
        study: name of a study; "": all of them, one after the other.
    """
    for name in [study] if study else STUDIES:
        try:
            root = shipped(folder_of(name))
        except FbnError:
            continue
        folders = sorted((path.parent for path in root.rglob(SUMMARY)), key=lambda folder: (-_arms_of(folder), folder))
        for folder in folders:
            within = folder.relative_to(root).as_posix()
            yield within if name == _UNNAMED else f"{name}/{within}", folder


def note_section(folder: Path, titles: tuple[str, ...]) -> str:
    """Read a section of a study's ``NOTE.md``, in its folder or the one above; "" if it does not exist.

    Args:
        folder: the study's.
        titles: of the section; the first that exists is read.
    """
    for path in (folder / NOTE, folder.parent / NOTE):
        if path.is_file():
            sections = f"\n{path.read_text('utf-8')}".split("\n## ")[1:]
            texts = {text.partition("\n")[0].strip(): text.partition("\n")[2].strip() for text in sections}
            return next((texts[title] for title in titles if title in texts), "")
    return ""


def _arms_of(folder: Path) -> float:
    """Return the number of arms in a study's request; an empty list means all."""
    try:
        return len(json.loads((folder / PLAN).read_bytes())["rows"]) or math.inf
    except (OSError, ValueError, KeyError):
        return 0

"""A study's folder: one file per run, the tables made of them, and the request."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from fbn.context import write_json
from fbn.errors import FormatError
from fbn.resources import whole_file
from fbn.studies.study import Request
from fbn.training.precision import MIXED, Precision, resolve_precision

PLAN, SUMMARY, RUNS = "study.json", "summary.json", "runs"
DETAILS, CURVES = "details.csv", "curves.csv"
#: What may differ when a folder is resumed: more of the same.
_MORE = ("rows", "seeds")
#: Of a run's line, before and after its figures.
_HEAD = ("row", "seed")
_TAIL = ("git_sha", "device", "seconds", "parameters", "steps", "date")
#: Further ones, which runs of older versions do not tell.
_LATER = ("precision",)
_NEEDED = (*_HEAD, "figures", *_TAIL)
#: Of all runs of a folder, which can be compared; noted in each, and in ``PLAN``. To be raised when the same arm, seed
#: and budget no longer train or measure alike: by other networks, losses, tables, drawn faces, metrics, draws of the
#: bootstrap. What notes none is from before 0.6.3.
SERIES = 5
_OLDER = (
    "was begun with another version of fbn, which may have trained or measured otherwise: new runs cannot be compared "
    "with its. Keep it as it is, and start a new study in another folder"
)
_REMEDY = "restore it, or remove it to train that run anew; the rest is kept"


def begin(request: Request, folder: Path) -> None:
    """Note the request; more arms and seeds may be asked of a folder than before, nothing else.

    Precision and series of its runs are noted too: this machine's and version's, or what the folder was begun with.

    Raises:
        FormatError: the folder holds another study, or runs that new ones cannot be paired with, or a damaged file, or
            cannot be written to.
    """
    # a folder's name, not its path: results are shown to others
    wanted = request.model_dump(mode="json") | {"data": request.data and request.data.name}
    path, precision, series = folder / PLAN, resolve_precision(request.precision), SERIES
    if path.exists():
        before = _read(path, (), "give another folder")
        if differs := [key for key in wanted if key not in _MORE and wanted[key] != before.get(key)]:
            raise FormatError(f"{folder} holds another study (it differs in {', '.join(differs)})")
        precision, series = before.get("precision", precision), before.get("series", 1)
    # a damaged run is told before hours of training, not after; what was being written when a worker was killed begins
    # with a dot
    every = [_read(file, _NEEDED, _REMEDY) for file in sorted((folder / RUNS).glob("[0-9]*.json"))]
    found = {series, *(run.get("series", 1) for run in every)}
    if not all(file_of(folder, *run).exists() for run in request.runs):
        found.add(SERIES)
    if len(found) > 1:
        raise FormatError(f"{folder} {_OLDER}")
    if any("precision" not in run for run in every):
        # before 0.6.0 all ran in this one
        precision = MIXED
    try:
        write_json(path, wanted | {"precision": precision, "series": series})
    except OSError as error:
        raise FormatError(f"{folder} cannot be written to: {error.strerror}") from None


def precision_of(folder: Path) -> Precision:
    """What a folder's runs compute in; ``begin`` noted it."""
    return json.loads((folder / PLAN).read_bytes())["precision"]


def file_of(folder: Path, seed: int, arm: str) -> Path:
    """Where a run's results lie."""
    return folder / RUNS / f"{seed:02d}-{arm}.json"


def finished(request: Request, folder: Path) -> list[dict[str, Any]]:
    """The runs that are asked for and there, in the order they are asked for.

    Raises:
        FormatError: one of their files is damaged.
    """
    files = [file_of(folder, *run) for run in request.runs]
    return [_read(file, _NEEDED, _REMEDY) for file in files if file.exists()]


def _read(file: Path, needed: Iterable[str], remedy: str) -> dict[str, Any]:
    """What a file holds; ``needed`` are keys that must be there."""
    try:
        found = json.loads(file.read_bytes())
    except ValueError:
        found = None
    if isinstance(found, dict) and "arm" in found:
        # comparisons of tables before 0.7 wrote such runs
        raise FormatError(f"{file.parent.parent} {_OLDER}")
    if not isinstance(found, dict) or any(key not in found for key in needed):
        raise FormatError(f"{file}: damaged, not what fbn study wrote; {remedy}")
    return found


def write_runs(folder: Path, runs: list[dict[str, Any]]) -> None:
    """``runs.csv``: one line per run, its figures rounded to five places."""
    last = (*_TAIL, *_LATER)
    lines = [{k: run[k] for k in _HEAD} | run["figures"] | {k: run.get(k) for k in last} for run in runs]
    columns = [*_HEAD, *dict.fromkeys(key for run in runs for key in run["figures"]), *last]
    write_csv(folder / "runs.csv", pd.DataFrame(lines, columns=columns))


def write_csv(path: Path, table: pd.DataFrame | list[dict[str, Any]], digits: int = 5) -> None:
    """Write a table whole or not at all, its numbers rounded."""
    with whole_file(path) as unfinished:
        pd.DataFrame(table).round(digits).to_csv(unfinished, index=False)

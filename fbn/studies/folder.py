"""The folder of a study: the request, one file per run, and tables of all runs."""

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
#: Fields that may differ when a folder is resumed.
_MORE = ("rows", "seeds")
#: Columns of ``runs.csv`` before and after the metrics.
_HEAD = ("row", "seed")
_TAIL = ("git_sha", "device", "seconds", "parameters", "steps", "date")
#: Columns that runs of older versions lack.
_LATER = ("precision",)
_NEEDED = (*_HEAD, "figures", *_TAIL)
#: Version of training and evaluation: runs of the same series can be compared. Stored in each run and in ``PLAN``.
#: Increase it when the same arm, seed and budget give other results: by changed networks, losses, tables, drawn faces,
#: metrics or bootstrap draws. Runs from before 0.6.3 lack it.
SERIES = 5
_OLDER = (
    "was begun with another version of fbn, which may have trained or measured otherwise: new runs cannot be compared "
    "with its. Keep it as it is, and start a new study in another folder"
)
_REMEDY = "restore it, or remove it to train that run anew; the rest is kept"


def begin(request: Request, folder: Path) -> None:
    """Write the request to the folder. A resumed study may have more arms and seeds; other fields must be equal.

    Precision and series of the runs are stored too: for this machine and version, or those of the resumed study.

    Raises:
        FormatError: the folder holds another study, or runs of another series, or a damaged file, or cannot be written
            to.
    """
    # the folder's name, not its path: results are shared
    wanted = request.model_dump(mode="json") | {"data": request.data and request.data.name}
    path, precision, series = folder / PLAN, resolve_precision(request.precision), SERIES
    if path.exists():
        before = _read(path, (), "give another folder")
        if differs := [key for key in wanted if key not in _MORE and wanted[key] != before.get(key)]:
            raise FormatError(f"{folder} holds another study (it differs in {', '.join(differs)})")
        precision, series = before.get("precision", precision), before.get("series", 1)
    # damaged runs raise before hours of training, not after; incomplete files of killed workers begin with a dot
    every = [_read(file, _NEEDED, _REMEDY) for file in sorted((folder / RUNS).glob("[0-9]*.json"))]
    all_series = {series, *(run.get("series", 1) for run in every)}
    if not all(file_of(folder, *run).exists() for run in request.runs):
        all_series.add(SERIES)
    if len(all_series) > 1:
        raise FormatError(f"{folder} {_OLDER}")
    if any("precision" not in run for run in every):
        # before 0.6.0 all runs used this one
        precision = MIXED
    try:
        write_json(path, wanted | {"precision": precision, "series": series})
    except OSError as error:
        raise FormatError(f"{folder} cannot be written to: {error.strerror}") from None


def precision_of(folder: Path) -> Precision:
    """Return the precision of a folder's runs, as stored by ``begin``."""
    return json.loads((folder / PLAN).read_bytes())["precision"]


def file_of(folder: Path, seed: int, arm: str) -> Path:
    """Return the path of a run's results."""
    return folder / RUNS / f"{seed:02d}-{arm}.json"


def finished(request: Request, folder: Path) -> list[dict[str, Any]]:
    """Read the finished runs of a request, in its order.

    Raises:
        FormatError: one of their files is damaged.
    """
    files = [file_of(folder, *run) for run in request.runs]
    return [_read(file, _NEEDED, _REMEDY) for file in files if file.exists()]


def _read(file: Path, needed: Iterable[str], remedy: str) -> dict[str, Any]:
    """Read a JSON file with the required keys ``needed``."""
    try:
        content = json.loads(file.read_bytes())
    except ValueError:
        content = None
    if isinstance(content, dict) and "arm" in content:
        # comparisons of tables before 0.7 wrote such runs
        raise FormatError(f"{file.parent.parent} {_OLDER}")
    if not isinstance(content, dict) or any(key not in content for key in needed):
        raise FormatError(f"{file}: damaged, not what fbn study wrote; {remedy}")
    return content


def write_runs(folder: Path, runs: list[dict[str, Any]]) -> None:
    """Write ``runs.csv``: one row per run, metrics rounded to five decimals."""
    last = (*_TAIL, *_LATER)
    lines = [{k: run[k] for k in _HEAD} | run["figures"] | {k: run.get(k) for k in last} for run in runs]
    columns = [*_HEAD, *dict.fromkeys(key for run in runs for key in run["figures"]), *last]
    write_csv(folder / "runs.csv", pd.DataFrame(lines, columns=columns))


def write_csv(path: Path, table: pd.DataFrame | list[dict[str, Any]], digits: int = 5) -> None:
    """Write a table atomically as CSV, its numbers rounded."""
    with whole_file(path) as unfinished:
        pd.DataFrame(table).round(digits).to_csv(unfinished, index=False)

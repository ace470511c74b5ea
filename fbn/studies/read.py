"""Finished studies as pandas tables: shipped ones, those of jobs, and any folder written by ``fbn study``."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ValidationError

from fbn.errors import FbnError, FormatError, MissingFileError, readable_errors
from fbn.resources import shipped
from fbn.studies.affect_arms import ARMS, GROUPS, SINGLE, UNCOUPLED
from fbn.studies.folder import CURVES, DETAILS, PLAN, SUMMARY
from fbn.studies.labels import SIDES, TASKS, arm_name, interval, measure_name, set_name, verdict
from fbn.studies.measure import FIGURES, FILTERED, TOGETHER

COMMITTED = "assets/studies/affect"
NOTE = "NOTE.md"
#: Tables beside the summary, and their titles.
TABLES = {
    "summary.csv": "Figures and differences",
    "details.csv": "AUs and expressions",
    "curves.csv": "Training curves",
    "runs.csv": "Every run",
}
#: Types of columns; another type is one of some names. ``_MAYBE`` may be empty, or missing in older studies.
_TEXT, _NUMBER, _FLAG, _MAYBE = "a text", "a number", "True or False", "a number or nothing"
_Kind = str | Collection[str]
_SIDE = ("difference", "low", "high", "seeds")
_MEASURED: dict[str, _Kind] = {"row": _TEXT, "set": _TEXT, "filtered": _FLAG, "mean": _NUMBER, "sd": _MAYBE}
_MEASURED |= {"seeds": _NUMBER} | {f"{side}_{part}": _MAYBE for side in SIDES for part in _SIDE}
_BOOT: dict[str, _Kind] = {f"{side}_{part}": _MAYBE for side in SIDES for part in ("boot_low", "boot_high")}
_COLUMNS: dict[str, dict[str, _Kind]] = {
    "rows": {"row": _TEXT, "group": _TEXT, "words": _TEXT, "seeds": _NUMBER, "parameters": _NUMBER, "seconds": _NUMBER},
    "figures": _MEASURED | _BOOT | {"figure": tuple(FIGURES), "chance": _NUMBER},
    DETAILS: _MEASURED | {"figure": _TEXT, "name": _TEXT},
    CURVES: {"row": _TEXT, "term": _TEXT, "part": _NUMBER, "value": _MAYBE},
    "runs.csv": {"row": _TEXT, "seed": _NUMBER},
}


class _Summary(BaseModel):
    """``summary.json``."""

    date: str
    study: dict[str, Any]
    labelled: dict[str, int]
    trained_on: list[str]
    rows: list[dict[str, Any]]
    tables: dict[str, dict[str, Any]]
    figures: list[dict[str, Any]]


@dataclass(frozen=True)
class StudyResult:
    """A finished study. Its arms are called rows in the files on disk.

    Attributes:
        folder: its folder.
        date: date of the summary.
        request: the study's request.
        labelled: task -> number of training pictures with its labels.
        trained_on: names of the data sets that were trained on.
        tables: coupled arm -> its relatedness table.
        arms: indexed by name: group, description, label, table, terms (loss -> weight), seeds, parameters, seconds.
        figures: arm, key, set, figure, filtered, task, mean, sd, seeds, chance, and ``SIDE_difference``, ``_low``,
            ``_high``, ``_boot_low``, ``_boot_high``, ``_seeds`` for each key of ``SIDES``; NaN if missing. Sorted by
            key, then by arm. A key is ``set/figure`` or ``set/figure/filtered``, as in ``runs.csv``.
        details: the same columns for each AU's F1 and each expression's recall (name), without chance and bootstrap.
        curves: arm, term (a loss), part (of the run), value (mean over that part; NaN before the term is switched on).
        runs: one row per run: row, seed, a column for each key, and details of the run.
    """

    folder: Path
    date: str
    request: dict[str, Any]
    labelled: dict[str, int]
    trained_on: tuple[str, ...]
    tables: dict[str, dict[str, Any]]
    arms: pd.DataFrame
    figures: pd.DataFrame
    details: pd.DataFrame
    curves: pd.DataFrame
    runs: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> "StudyResult":
        """Read a folder written by ``fbn study``. Tables without a file are empty.

        Raises:
            MissingFileError: the folder has no finished study.
            FormatError: a file is damaged; the message names the file, the line and the field.
        """
        path = folder / SUMMARY
        try:
            summary = _Summary.model_validate_json(path.read_bytes())
        except OSError:
            why = "no such folder" if not folder.is_dir() else f"no {SUMMARY} in it: not a study, or not finished"
            raise MissingFileError(f"{folder}: {why}") from None
        except ValidationError as error:
            raise FormatError(f"{path}: {readable_errors(error, 'the file')}") from None
        arms = pd.DataFrame({"table": None, "terms": [{}], "group": ""} | row for row in summary.rows)
        arms = _checked(arms, "rows", lambda n: f"{path}: rows.{n}", keep=("table", "terms"))
        arms = arms.sort_values("group", key=lambda own: own.map(_rank), kind="stable").set_index("arm")
        arms = arms.rename(columns={"words": "description"})
        arms["label"] = [arm_name(str(name), words) for name, words in arms["description"].items()]
        figures = _checked(pd.json_normalize(summary.figures, sep="_"), "figures", lambda n: f"{path}: figures.{n}")
        trained_on = tuple(summary.trained_on)
        return cls(
            folder,
            summary.date,
            summary.study,
            summary.labelled,
            trained_on,
            summary.tables,
            arms,
            _in_order(figures, arms, trained_on),
            _in_order(_table(folder / DETAILS), arms, trained_on),
            _table(folder / CURVES),
            _table(folder / "runs.csv"),
        )

    @property
    def is_drawn(self) -> bool:
        """Whether its faces are drawn."""
        return self.request.get("data") is None

    @property
    def seeds(self) -> int:
        """Maximum number of seeds of an arm."""
        return int(self.arms["seeds"].max()) if len(self.arms) else 0

    @property
    def unit_labels(self) -> int:
        """Number of training pictures with AU labels."""
        return self.labelled.get("action_units", 0)

    @cached_property
    def measures(self) -> pd.DataFrame:
        """Indexed by key: set, figure, filtered, task, label; in the order of ``figures``."""
        columns = ["key", "set", "figure", "filtered", "task"]
        keys = self.figures[columns].drop_duplicates("key").set_index("key")
        fields = zip(keys["set"], keys["figure"], keys["filtered"], strict=True)
        keys["label"] = [measure_name(of, figure, video, self.is_unseen(of)) for of, figure, video in fields]
        return keys

    def label(self, arm: str) -> str:
        """Return the display name of an arm."""
        return str(self.arms.at[arm, "label"])

    def measure(self, key: str) -> str:
        """Return the display name of a key."""
        return str(self.measures.at[key, "label"])

    @cached_property
    def coupled(self) -> list[str]:
        """Names of the arms with a coupling loss."""
        return [str(name) for name, terms in self.arms["terms"].items() if terms]

    @property
    def is_of_architectures(self) -> bool:
        """Whether all its coupled arms are other architectures."""
        return {self.arms.at[name, "group"] for name in self.coupled} == {"architecture"}

    @cached_property
    def best_arms(self) -> list[str]:
        """Arms with the papers' best couplings, soft co-annotation and matching, with any table or architecture."""
        groups = ("architecture",) if self.is_of_architectures else ("coupling", "table")
        best = {"soft_co_annotation", "distribution_matching"}
        arms = self.arms[self.arms["group"].isin(groups)]
        return [str(name) for name, terms in arms["terms"].items() if set(terms) == best]

    @property
    def main_arms(self) -> list[str]:
        """The arms to show first: the best ones of all architectures, the best one, or the first coupled one."""
        if self.best_arms and self.is_of_architectures:
            return self.best_arms
        return [*self.best_arms, *self.coupled][:1]

    @cached_property
    def steps(self) -> dict[str, int]:
        """Arm -> training steps of each run; empty if ``runs.csv`` lacks them."""
        if "steps" not in self.runs:
            return {}
        runs = self.runs.assign(steps=pd.to_numeric(self.runs["steps"], errors="coerce")).dropna(subset="steps")
        return {
            SINGLE if row in _single_task() else row: int(n) for row, n in zip(runs["row"], runs["steps"], strict=True)
        }

    def is_unseen(self, of_set: str) -> bool:
        """Whether a data set, or its labels of this kind, were not trained on."""
        return of_set not in (*self.trained_on, TOGETHER)

    def of_arm(self, arm: str, filtered: bool | None = False) -> pd.DataFrame:
        """Return the metrics of one arm, without means over data sets.

        Args:
            arm: its name.
            filtered: True: median-filtered metrics only, False: unfiltered only, None: all.
        """
        rows = self.figures[(self.figures["arm"] == arm) & (self.figures["set"] != TOGETHER)]
        return rows if filtered is None else rows[rows["filtered"] == filtered]

    def first_keys(self, arm: str) -> list[str]:
        """Return the keys of the main metric: mean AU F1 over all data sets, or that of each one trained on."""
        units = self.figures[
            (self.figures["arm"] == arm) & (self.figures["figure"] == "f1") & ~self.figures["filtered"]
        ]
        mean = units[units["set"] == TOGETHER]
        return list((mean if len(mean) else units[~units["set"].map(self.is_unseen)])["key"])

    def seed_differences(self, side: str) -> dict[tuple[str, str], list[float]]:
        """Return (arm, key) -> difference on each seed, from ``runs.csv``; ``side``: a key of ``SIDES``."""
        keys = [name for name in map(str, self.runs) if "/" in name]
        if not keys:
            return {}
        values = self.runs.groupby(["row", "seed"])[keys].first()
        arms, seeds = (values.index.get_level_values(level) for level in ("row", "seed"))
        if side == "single":
            base = values[arms.isin(_single_task())].groupby("seed").first().reindex(seeds)
        else:
            baselines = arms.map(lambda arm: (ARMS[arm].baseline if arm in ARMS else None) or UNCOUPLED)
            base = values.reindex(pd.MultiIndex.from_arrays([baselines, seeds]))
        found: dict[tuple[str, str], list[float]] = {}
        for arm, changes in zip(arms, (values - base.to_numpy()).to_numpy(float), strict=True):
            for key, value in zip(keys, changes, strict=True):
                if value == value:
                    found.setdefault((str(arm), key), []).append(float(value))
        return found

    def about(self) -> str:
        """Return a one-line description of the study."""
        sets = ", ".join(dict.fromkeys(map(set_name, self.trained_on)))
        parts = ["Drawn faces" if self.is_drawn else f"Real faces: {sets}"]
        parts.append(f"budget {self.request.get('budget', '?')}")
        parts.append(f"{self.seeds} seed{'s' if self.seeds != 1 else ''}")
        if counts := sorted(set(self.steps.values()), reverse=True):
            # slow arms have fewer steps
            parts.append(f"{' or '.join(f'{count:,}' for count in counts)} steps")
        if self.unit_labels:
            total = sum(self.labelled.values())
            parts.append(f"AU labels on {self.unit_labels:,} of {total:,} training pictures")
        # a study may be resumed after the code changed
        if "git_sha" in self.runs and (codes := self.runs["git_sha"].nunique()) > 1:
            parts.append(f"{codes} revisions of the code")
        return " · ".join([*parts, self.date])


def differences(frame: pd.DataFrame, side: str, bootstrapped: bool = False) -> pd.DataFrame:
    """Return the rows of metrics or details that have a difference to a baseline.

    Args:
        frame: ``StudyResult.figures`` or ``.details``, or some of their rows.
        side: key of ``SIDES``.
        bootstrapped: use bootstrap intervals instead of Student's over seeds.

    Returns:
        The rows, with columns difference, low, high, verdict (by the interval), its mark, interval (as text), and seeds
        (number of seeds that both arms have).
    """
    rows = frame.dropna(subset=f"{side}_difference")
    columns = ("boot_low", "boot_high") if bootstrapped else ("low", "high")
    limits = {name: rows[f"{side}_{column}"] for name, column in zip(("low", "high"), columns, strict=True)}
    rows = rows.assign(difference=rows[f"{side}_difference"], **limits, seeds=rows[f"{side}_seeds"].astype(int))
    numbers = list(zip(rows["difference"], rows["low"], rows["high"], strict=True))
    verdicts = [verdict(low, high) for _, low, high in numbers]
    texts = {
        "verdict": [each.value for each in verdicts],
        "mark": [each.mark for each in verdicts],
        "interval": [interval(*each) for each in numbers],
    }
    # of an empty frame, pandas would infer numeric columns
    return rows.join(pd.DataFrame(texts, index=rows.index, dtype=str))


def committed() -> Iterator[tuple[str, Path]]:
    """Yield name and folder of each shipped study, those with many arms first."""
    try:
        root = shipped(COMMITTED)
    except FbnError:
        return
    folders = sorted((path.parent for path in root.rglob(SUMMARY)), key=lambda folder: (-_arms_of(folder), folder))
    for folder in folders:
        yield folder.relative_to(root).as_posix(), folder


def note_section(folder: Path, title: str) -> str:
    """Read a section of a study's ``NOTE.md``, in its folder or the one above; "" if it does not exist."""
    for path in (folder / NOTE, folder.parent / NOTE):
        if path.is_file():
            sections = f"\n{path.read_text('utf-8')}".split("\n## ")[1:]
            matches = (text.partition("\n")[2] for text in sections if text.partition("\n")[0].strip() == title)
            return next(matches, "").strip()
    return ""


def _arms_of(folder: Path) -> int:
    """Return the number of arms in a study's request; an empty list means all."""
    try:
        return len(json.loads((folder / PLAN).read_bytes())["rows"]) or len(ARMS)
    except (OSError, ValueError, KeyError):
        return 0


def _single_task() -> list[str]:
    return [name for name, arm in ARMS.items() if arm.part_of == SINGLE]


def _rank(group: str) -> int:
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)


def _in_order(frame: pd.DataFrame, arms: pd.DataFrame, trained_on: Collection[str]) -> pd.DataFrame:
    """Add key and task, and sort by task, then means over data sets, trained data sets, others, and by arm."""
    marks = frame["filtered"].map({True: f"/{FILTERED}", False: ""})
    # recall, which is in ``details`` alone, is a metric of expressions
    tasks = frame["figure"].map({name: task for name, (task, _) in FIGURES.items()}).fillna("expression")
    frame = frame.assign(key=frame["set"] + "/" + frame["figure"] + marks, task=tasks)
    places = {
        "task": frame["task"].map(list(TASKS).index),
        "mean": frame["set"] != TOGETHER,
        "unseen": ~frame["set"].isin([*trained_on, TOGETHER]),
        "key": pd.factorize(frame["key"])[0],
        "arm": frame["arm"].map({arm: place for place, arm in enumerate(arms.index)}),
    }
    order = pd.DataFrame(places, frame.index).sort_values(list(places), kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def _table(path: Path) -> pd.DataFrame:
    """Read a table beside the summary and check its columns; empty if the file does not exist."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (FileNotFoundError, pd.errors.EmptyDataError):
        table = pd.DataFrame(columns=list(_COLUMNS[path.name]))
    except (UnicodeDecodeError, pd.errors.ParserError) as error:
        raise FormatError(f"{path}: no table in UTF-8: {error}") from None
    where = _line(path)
    if path.name != "runs.csv":
        return _checked(table, path.name, where)
    kinds = dict.fromkeys((name for name in map(str, table) if "/" in name), _MAYBE)
    return _checked(table, path.name, where, keep=table.columns, more=kinds).rename(columns={"arm": "row"})


def _line(path: Path) -> Callable[[int], str]:
    # the first line is the header
    return lambda number: f"{path}, line {number + 2}"


def _checked(
    frame: pd.DataFrame,
    table: str,
    where: Callable[[int], str],
    keep: Collection[str] = (),
    more: Mapping[str, _Kind] | None = None,
) -> pd.DataFrame:
    """Convert a table's columns to their types and check them; ``row`` is renamed ``arm``.

    Args:
        frame: the table as read.
        table: key of ``_COLUMNS``.
        where: number of a row -> its name in error messages.
        keep: further columns that are kept unchanged.
        more: further columns and their types, as in ``_COLUMNS``.

    Raises:
        FormatError: a column is missing, or a value has the wrong type.
    """
    columns: dict[str, pd.Series[Any]] = {}
    for name, kind in {**_COLUMNS[table], **(more or {})}.items():
        if name not in frame and kind != _MAYBE:
            raise FormatError(f"{where(0)}: no {name}" if len(frame) else f"{where(-1)}: no column {name}")
        values = frame[name] if name in frame else pd.Series(float("nan"), frame.index)
        text = values.map(lambda value: "" if value is None or value != value else str(value))
        if kind in (_NUMBER, _MAYBE):
            columns[name] = pd.to_numeric(text, errors="coerce").astype(float)
            wrong = columns[name].isna() & ((text != "") | (kind == _NUMBER))
        elif kind == _FLAG:
            columns[name] = text == "True"
            wrong = ~text.isin(["True", "False"])
        else:
            columns[name] = text
            wrong = (text == "") if kind == _TEXT else ~text.isin(list(kind))
        if wrong.any():
            number = int(wrong.to_numpy().argmax())
            expected = kind if isinstance(kind, str) else f"one of {', '.join(kind)}"
            raise FormatError(f"{where(number)}: {name}: expected {expected}, found {text.iloc[number]!r}")
    kept = {name: frame[name] for name in keep if name in frame and name not in columns}
    return pd.DataFrame({**columns, **kept}, index=frame.index).rename(columns={"row": "arm"})

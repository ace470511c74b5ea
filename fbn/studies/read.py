"""Finished studies as pandas tables: any folder written by ``fbn study``, of any study in the registry."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ValidationError

from fbn.errors import FormatError, MissingFileError, readable_errors
from fbn.studies.display import Display, First
from fbn.studies.folder import CURVES, DETAILS, SUMMARY
from fbn.studies.labels import interval, verdict
from fbn.studies.measure import FILTERED
from fbn.studies.registry import study_of, study_with
from fbn.studies.study import Study
from fbn.studies.summary import SIDES

#: Tables beside the summary, and their titles.
TABLES = {
    "summary.csv": "Figures and differences",
    "details.csv": "One by one",
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
    "figures": _MEASURED | _BOOT | {"figure": _TEXT, "chance": _MAYBE},
    DETAILS: _MEASURED | {"figure": _TEXT, "name": _TEXT},
    CURVES: {"row": _TEXT, "term": _TEXT, "part": _NUMBER, "value": _MAYBE},
    "runs.csv": {"row": _TEXT, "seed": _NUMBER},
}


class _Summary(BaseModel):
    """``summary.json``; older ones do not name their study."""

    date: str
    name: str = ""
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
        definition: the study in the registry.
        date: date of the summary.
        request: the study's request.
        labelled: task -> number of training pictures with its labels.
        trained_on: names of the data sets that were trained on.
        tables: coupled arm -> its relatedness table.
        arms: indexed by name: group, description, label, table, terms (loss -> weight), seeds, parameters, seconds.
        figures: arm, key, set, figure, filtered, task, mean, sd, seeds, chance, and ``SIDE_difference``, ``_low``,
            ``_high``, ``_boot_low``, ``_boot_high``, ``_seeds`` for each key of ``SIDES``; NaN if missing. Sorted by
            task and key, then by arm. A key is ``set/figure`` or ``set/figure/filtered``, as in ``runs.csv``.
        details: the same columns for single AUs, expressions, attributes (name), without chance and bootstrap.
        curves: arm, term (a loss), part (of the run), value (mean over that part; NaN before the term is switched on).
        runs: one row per run: row, seed, a column for each key, and details of the run.
    """

    folder: Path
    definition: Study
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
            FormatError: the study is unknown, or a file is damaged; the message names the file, the line and the field.
        """
        path = folder / SUMMARY
        try:
            summary = _Summary.model_validate_json(path.read_bytes())
        except OSError:
            why = "no such folder" if not folder.is_dir() else f"no {SUMMARY} in it: not a study, or not finished"
            raise MissingFileError(f"{folder}: {why}") from None
        except ValidationError as error:
            raise FormatError(f"{path}: {readable_errors(error, 'the file')}") from None
        definition = study_of(summary.name) if summary.name else study_with(summary.study)
        display, groups = definition.display, list(definition.display.groups)
        arms = pd.DataFrame({"table": None, "terms": [{}], "group": ""} | row for row in summary.rows)
        arms = _checked(arms, "rows", lambda n: f"{path}: rows.{n}", keep=("table", "terms"))
        arms = arms.sort_values("group", key=lambda own: own.map(_place(groups)), kind="stable").set_index("arm")
        arms = arms.rename(columns={"words": "description"})
        arms["label"] = [display.arm(str(name), words) for name, words in arms["description"].items()]
        known: dict[str, _Kind] = {"figure": tuple(display.metrics)} if display.metrics else {}
        figures = pd.json_normalize(summary.figures, sep="_")
        figures = _checked(figures, "figures", lambda n: f"{path}: figures.{n}", more=known)
        trained_on = tuple(summary.trained_on)
        return cls(
            folder,
            definition,
            summary.date,
            summary.study,
            summary.labelled,
            trained_on,
            summary.tables,
            arms,
            _in_order(figures, arms, trained_on, display),
            _in_order(_table(folder / DETAILS), arms, trained_on, display),
            _table(folder / CURVES),
            _table(folder / "runs.csv"),
        )

    @property
    def display(self) -> Display:
        """How the study is shown."""
        return self.definition.display

    @property
    def first(self) -> First:
        """What is read first."""
        return self.display.first(self.request)

    @property
    def is_drawn(self) -> bool:
        """Whether its faces are drawn."""
        return self.request.get("data") is None

    @property
    def seeds(self) -> int:
        """Maximum number of seeds of an arm."""
        return int(self.arms["seeds"].max()) if len(self.arms) else 0

    @property
    def scarce_labels(self) -> int:
        """Number of training pictures with the labels whose number varies between studies; 0 if there are none."""
        return self.labelled.get(self.display.scarce.task, 0) if self.display.scarce else 0

    @cached_property
    def measures(self) -> pd.DataFrame:
        """Indexed by key: set, figure, filtered, task, label; in the order of ``figures``."""
        columns = ["key", "set", "figure", "filtered", "task"]
        keys = self.figures[columns].drop_duplicates("key").set_index("key")
        fields = zip(keys["set"], keys["figure"], keys["filtered"], strict=True)
        keys["label"] = [self.display.measure(of, figure, video, self.is_unseen(of)) for of, figure, video in fields]
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
        """Arms with the study's best couplings, with any table or architecture."""
        groups = ("architecture",) if self.is_of_architectures else ("coupling", "table")
        arms = self.arms[self.arms["group"].isin(groups)]
        return [str(name) for name, terms in arms["terms"].items() if terms and set(terms) == self.display.best]

    @property
    def main_arms(self) -> list[str]:
        """The arms to show first: the best ones of all architectures, the one read first, or the first compared one."""
        if self.best_arms and self.is_of_architectures:
            return self.best_arms
        first = [arm for arm in self.first.arms if arm in self.arms.index]
        compared = self.figures.dropna(subset="uncoupled_difference")["arm"].unique()
        return [*first, *self.best_arms, *self.coupled, *map(str, compared)][:1]

    @cached_property
    def steps(self) -> dict[str, int]:
        """Arm -> training steps of each run; empty if ``runs.csv`` lacks them."""
        if "steps" not in self.runs:
            return {}
        runs = self.runs.assign(steps=pd.to_numeric(self.runs["steps"], errors="coerce")).dropna(subset="steps")
        return {self._reported(row): int(n) for row, n in zip(runs["row"], runs["steps"], strict=True)}

    def _reported(self, row: str) -> str:
        """Return the arm that a run is reported as."""
        arm = self.definition.arms.get(row)
        return arm.part_of if arm and arm.part_of else row

    def is_unseen(self, of_set: str) -> bool:
        """Whether a data set, or its labels of this kind, were not trained on."""
        return of_set not in (*self.trained_on, self.display.mean)

    def of_arm(self, arm: str, filtered: bool | None = False) -> pd.DataFrame:
        """Return the metrics of one arm, without means over data sets.

        Args:
            arm: its name.
            filtered: True: median-filtered metrics only, False: unfiltered only, None: all.
        """
        rows = self.figures[(self.figures["arm"] == arm) & (self.figures["set"] != self.display.mean)]
        return rows if filtered is None else rows[rows["filtered"] == filtered]

    def first_keys(self, arm: str) -> list[str]:
        """Return the keys of the figures read first: of means over data sets, or else of each one trained on."""
        figures = self.figures[(self.figures["arm"] == arm) & ~self.figures["filtered"]]
        keys: list[str] = []
        for metric in self.first.metrics:
            rows = figures[figures["figure"] == metric]
            mean = rows[rows["set"] == self.display.mean]
            trained = rows[rows["set"].isin(self.trained_on)] if self.trained_on else rows
            keys += list((mean if len(mean) else trained)["key"])
        return keys

    def seed_differences(self, side: str) -> dict[tuple[str, str], list[float]]:
        """Return (arm, key) -> difference on each seed, from ``runs.csv``; ``side``: a key of ``SIDES``."""
        keys = [name for name in map(str, self.runs) if "/" in name]
        if not keys:
            return {}
        values = self.runs.assign(row=self.runs["row"].map(self._reported)).groupby(["row", "seed"])[keys].first()
        arms, seeds = (values.index.get_level_values(level) for level in ("row", "seed"))
        known = self.definition.reported
        others = {name: (arm.baseline if side == "uncoupled" else arm.reference) for name, arm in known.items()}
        base = values.reindex(pd.MultiIndex.from_arrays([arms.map(lambda arm: others.get(arm) or ""), seeds]))
        found: dict[tuple[str, str], list[float]] = {}
        for arm, changes in zip(arms, (values - base.to_numpy()).to_numpy(float), strict=True):
            for key, value in zip(keys, changes, strict=True):
                if value == value:
                    found.setdefault((str(arm), key), []).append(float(value))
        return found

    def about(self) -> str:
        """Return a one-line description of the study."""
        sets, (drawn, real) = ", ".join(dict.fromkeys(map(self.display.set, self.trained_on))), self.display.faces
        parts = [drawn if self.is_drawn else real.format(sets=sets)]
        parts.append(f"budget {self.request.get('budget', '?')}")
        parts.append(f"{self.seeds} seed{'s' if self.seeds != 1 else ''}")
        if counts := sorted(set(self.steps.values()), reverse=True):
            # slow arms have fewer steps
            parts.append(f"{' or '.join(f'{count:,}' for count in counts)} steps")
        if (scarce := self.display.scarce) and self.scarce_labels:
            total = scarce.total(self.labelled, self.request)
            parts.append(f"{scarce.name} labels on {self.scarce_labels:,} of {total:,} training pictures")
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


def _place(names: Collection[str]) -> Callable[[str], int]:
    """Return a function from a name to its place in ``names``; others come last."""
    places = {name: place for place, name in enumerate(names)}
    return lambda name: places.get(name, len(places))


def _in_order(frame: pd.DataFrame, arms: pd.DataFrame, trained_on: Collection[str], display: Display) -> pd.DataFrame:
    """Add key and task, and sort by task, then means over data sets, trained data sets, others, and by arm."""
    marks = frame["filtered"].map({True: f"/{FILTERED}", False: ""})
    frame = frame.assign(key=frame["set"] + "/" + frame["figure"] + marks, task=frame["figure"].map(display.task))
    places = {
        "task": frame["task"].map(_place(display.tasks)),
        "mean": frame["set"] != display.mean,
        "unseen": ~frame["set"].isin([*trained_on, display.mean]),
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

"""What the runs say together: means, spreads, and paired differences with their intervals."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fbn.context import write_json
from fbn.studies.folder import CURVES, DETAILS, SUMMARY, finished, write_csv
from fbn.studies.measure import FILTERED
from fbn.studies.paired import paired
from fbn.studies.request import Study
from fbn.studies.rows import ROWS, SINGLE

#: Seed -> that seed's run, as far as figures and draws go.
Runs = Mapping[int, Mapping[str, Any]]
_LEVEL, _REPLICATES = 0.95, 2000


def write_summary(asked: Study, folder: Path) -> dict[str, Any]:
    """``summary.json``, its figures also as ``summary.csv``; AUs and expressions, and training curves, as CSV alone."""
    found = _rounded(summary(asked, finished(asked, folder)))
    write_json(folder / SUMMARY, {name: value for name, value in found.items() if name not in ("details", "curves")})
    write_csv(folder / "summary.csv", pd.json_normalize(found["figures"], sep="_"))
    write_csv(folder / DETAILS, pd.DataFrame(found["details"]))
    points = (
        {"row": row, "term": term, "part": i, "value": value}
        for row, terms in found["curves"].items()
        for term, values in terms.items()
        for i, value in enumerate(values)
    )
    write_csv(folder / CURVES, pd.DataFrame(points))
    return found


def summary(asked: Study, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The runs' figures by row, and how each row differs from uncoupled and from single-task training.

    Returns:
        date; study: what was asked, of the data root the name; labelled: training pictures by task; trained_on: names
        of sets; rows: of each name, group, words, table, terms, seeds, parameters, seconds (mean); tables: row ->
        table, of its first seed; curves: row -> term -> means over seeds; details: F1 of AUs and recall of expressions,
        each row, set, figure, filtered, name, mean, sd, seeds, and ``SIDE_difference``, ``_low``, ``_high`` and
        ``_seeds`` of both sides below, Student's t over seeds; and figures, each with row, set, figure, filtered, mean,
        sd, seeds, chance, ``uncoupled`` and ``single``: how the row differs (``_difference``), None where there is
        nothing to compare.
        The three single-task networks stand as one row, ``single-task``.
    """
    of_row: dict[str, dict[int, Mapping[str, Any]]] = {}
    for run in runs:
        name = SINGLE if len(ROWS[run["row"]].tasks) == 1 else run["row"]
        before = of_row.setdefault(name, {}).get(run["seed"], {})
        joined = {part: {**before.get(part, {}), **run[part]} for part in ("figures", "draws", "details", "curves")}
        # three networks cost what all of them do
        cost = {part: before.get(part, 0) + run[part] for part in ("parameters", "seconds")}
        of_row[name][run["seed"]] = {**run, **joined, **cost}
    against = {name: _against(name, of_row) for name in of_row}
    figures: list[dict[str, Any]] = []
    for name, own in of_row.items():
        figures += _figures(name, own, against[name], shared=asked.data is not None)
    first = next(iter(runs), {})
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "study": asked.model_dump(mode="json") | {"data": asked.data and asked.data.name},
        "labelled": first.get("labelled", {}),
        "trained_on": first.get("trained_on", []),
        "rows": [_about(name, own) for name, own in of_row.items()],
        "tables": {name: run["table"] for name, own in of_row.items() if (run := next(iter(own.values())))["table"]},
        "figures": figures,
        "details": [line for name, own in of_row.items() for line in _details(name, own, against[name])],
        "curves": {name: _curves(own) for name, own in of_row.items()},
    }


def _rounded(value: Any) -> Any:
    """Its numbers to five places; figures stand on some hundred pictures."""
    if isinstance(value, dict):
        return {key: _rounded(own) for key, own in value.items()}
    if isinstance(value, list):
        return [_rounded(own) for own in value]
    return round(value, 5) if isinstance(value, float) else value


def _about(name: str, own: Runs) -> dict[str, Any]:
    row = ROWS.get(name)
    return {
        "row": name,
        "group": row.group if row else "tasks",
        "words": row.words if row else "three networks, one for each task",
        "table": row.table if row and row.coupled else None,
        "terms": dict(row.adds) if row else {},
        "seeds": len(own),
        "parameters": next(iter(own.values()))["parameters"],
        "seconds": round(float(np.mean([run["seconds"] for run in own.values()])), 1),
    }


def _against(name: str, of_row: Mapping[str, Runs]) -> tuple[Runs, Runs]:
    """What a row is held against: the uncoupled row, the single-task networks; nothing where it is not to be."""
    row = ROWS.get(name)
    base = of_row.get(row.against, {}) if row and row.coupled else {}
    # the single-task networks have the recipe's body: others are not held against them
    alone = {} if name == SINGLE or (row and row.network) else of_row.get(SINGLE, {})
    return base, alone


def _figures(name: str, own: Runs, against: tuple[Runs, Runs], shared: bool) -> Iterator[dict[str, Any]]:
    for key in dict.fromkeys(key for run in own.values() for key in run["figures"]):
        values = [run["figures"][key] for run in own.values() if key in run["figures"]]
        yield {
            "row": name,
            **_named(key),
            "mean": float(np.mean(values)),
            "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
            "seeds": len(values),
            "chance": float(np.mean([run["chance"][key] for run in own.values()])),
            "uncoupled": _difference(against[0], own, key, shared),
            "single": _difference(against[1], own, key, shared),
        }


def _named(key: str) -> dict[str, Any]:
    of_set, figure, *rest = key.split("/")
    return {"set": of_set, "figure": figure, "filtered": rest == [FILTERED]}


def _difference(base: Runs, own: Runs, key: str, shared: bool) -> dict[str, Any] | None:
    """A row's figure minus another's on the seeds that have both.

    Returns:
        difference, low, high: Student's t over seeds; boot_low, boot_high: percentiles over draws of seeds and of
        held-out people with all their pictures, the same for both rows; seeds. None without a common seed.
    """
    seeds = [seed for seed in own if seed in base and all(key in run[seed]["figures"] for run in (own, base))]
    found = paired([base[s]["figures"][key] for s in seeds], [own[s]["figures"][key] for s in seeds], _LEVEL)
    if found is None:
        return None
    draws = np.array([np.subtract(own[s]["draws"][key], base[s]["draws"][key]) for s in seeds])
    low, high = _bootstrap(draws, np.array(found.differences), shared)
    return {
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "boot_low": low,
        "boot_high": high,
        "seeds": len(seeds),
    }


def _bootstrap(draws: np.ndarray, whole: np.ndarray, shared: bool) -> tuple[float, float]:
    """Interval of the mean over seeds.

    Args:
        draws: [seeds, rounds] differences on draws of each seed's pictures.
        whole: [seeds] on all pictures.
        shared: every seed is measured on the same pictures. Then these do not average out over seeds: a replicate
            takes one draw of them, with its effect on one seed.
    """
    generator = np.random.default_rng(0)
    seeds = generator.integers(len(draws), size=(_REPLICATES, len(draws)))
    if shared:
        one, rounds = (generator.integers(count, size=_REPLICATES) for count in draws.shape)
        means = whole[seeds].mean(1) + draws[one, rounds] - whole[one]
    else:
        means = np.nanmean(draws[seeds, generator.integers(draws.shape[1], size=seeds.shape)], 1)
    means = means[np.isfinite(means)]
    low, high = np.nanquantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def _details(row: str, own: Runs, against: tuple[Runs, Runs]) -> Iterator[dict[str, Any]]:
    seen = dict.fromkeys((key, name) for run in own.values() for key, named in run["details"].items() for name in named)
    for key, name in seen:
        values = _of_seeds(own, key, name)
        each = list(values.values())
        line = {"row": row, **_named(key), "name": name, "mean": float(np.mean(each))}
        line |= {"sd": float(np.std(each, ddof=1)) if len(each) > 1 else None, "seeds": len(each)}
        for side, base in zip(("uncoupled", "single"), against, strict=True):
            others = _of_seeds(base, key, name)
            found = paired([others.get(seed) for seed in values], each, _LEVEL)
            line[f"{side}_difference"] = found and found.difference
            line[f"{side}_low"], line[f"{side}_high"] = (found.low, found.high) if found else (None, None)
            line[f"{side}_seeds"] = len(found.differences) if found else 0
        yield line


def _of_seeds(runs: Runs, key: str, name: str) -> dict[int, float]:
    """Seed -> value of an AU or an expression."""
    found = {seed: run["details"].get(key, {}).get(name) for seed, run in runs.items()}
    return {seed: value for seed, value in found.items() if value is not None}


def _curves(own: Runs) -> dict[str, list[float | None]]:
    def mean(values: Sequence[float | None]) -> float | None:
        kept = [value for value in values if value is not None]
        return round(float(np.mean(kept)), 5) if kept else None

    terms = dict.fromkeys(term for run in own.values() for term in run["curves"])
    return {
        term: [mean(values) for values in zip(*(run["curves"][term] for run in own.values()), strict=True)]
        for term in terms
    }

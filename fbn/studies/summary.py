"""Summarises runs: means, standard deviations, paired differences with confidence intervals."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fbn.context import write_json
from fbn.studies.folder import CURVES, DETAILS, SUMMARY, write_csv
from fbn.studies.measure import FILTERED
from fbn.studies.paired import bootstrap_interval, paired_difference
from fbn.studies.study import Arm, Request, Study

#: Seed -> that seed's run.
Runs = Mapping[int, Mapping[str, Any]]
#: Names in files of the differences to an arm's baseline and to its reference.
SIDES = ("uncoupled", "single")


def write_summary(study: Study, request: Request, folder: Path, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Write ``summary.json`` and, as CSV, the metrics, those of single AUs and expressions, and the training curves."""
    content = _rounded(summary(study, request, runs))
    write_json(folder / SUMMARY, {name: value for name, value in content.items() if name not in ("details", "curves")})
    write_csv(folder / "summary.csv", pd.json_normalize(content["figures"], sep="_"))
    write_csv(folder / DETAILS, pd.DataFrame(content["details"]))
    points = (
        {"row": arm, "term": term, "part": i, "value": value}
        for arm, terms in content["curves"].items()
        for term, values in terms.items()
        for i, value in enumerate(values)
    )
    write_csv(folder / CURVES, pd.DataFrame(points))
    return content


def summary(study: Study, request: Request, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Summarise the runs by arm, with the differences of each arm to its baseline and to its reference.

    Returns:
        date; name: of the study; study: the request, with the name of the data root; labelled: task -> training
        pictures; trained_on: names of data sets; rows: of each arm name, group, words, table, terms, seeds, parameters,
        seconds (mean); tables: arm -> table, of its first seed; curves: arm -> term -> means over seeds; details: F1 of
        AUs, recall of expressions and so on, each row, set, figure, filtered, name, mean, sd, seeds, and
        ``SIDE_difference``, ``_low``, ``_high`` and ``_seeds`` of both ``SIDES``, Student's t over seeds; and figures,
        each with row, set, figure, filtered, mean, sd, seeds, chance, ``uncoupled`` (the difference to the baseline)
        and ``single`` (to the reference), None if missing.
        Arms with the same ``part_of`` are one row.
    """
    of_arm: dict[str, dict[int, Mapping[str, Any]]] = {}
    for run in runs:
        name = study.arms[run["row"]].part_of or run["row"]
        before = of_arm.setdefault(name, {}).get(run["seed"], {})
        joined = {part: {**before.get(part, {}), **run[part]} for part in ("figures", "draws", "details", "curves")}
        # the cost of several networks is their sum
        cost = {part: before.get(part, 0) + run[part] for part in ("parameters", "seconds")}
        of_arm[name][run["seed"]] = {**run, **joined, **cost}
    arms = study.reported
    others = {name: _others(arms[name], of_arm) for name in of_arm}
    figures: list[dict[str, Any]] = []
    for name, own in of_arm.items():
        figures += _figures(name, own, others[name], shared=study.shares(request))
    first = next(iter(runs), {})
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "name": study.name,
        "study": request.model_dump(mode="json") | {"data": request.data and request.data.name},
        "labelled": first.get("labelled", {}),
        "trained_on": first.get("trained_on", []),
        "rows": [_about(arms[name], own) for name, own in of_arm.items()],
        "tables": {
            name: run["table"] for name, own in of_arm.items() if (run := next(iter(own.values()))).get("table")
        },
        "figures": figures,
        "details": [line for name, own in of_arm.items() for line in _details(name, own, others[name])],
        "curves": {name: _curves(own) for name, own in of_arm.items()},
    }


def _rounded(value: Any) -> Any:
    """Round all numbers to five decimals; metrics are of some hundred pictures."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 5) if isinstance(value, float) else value


def _about(arm: Arm, own: Runs) -> dict[str, Any]:
    return {
        "row": arm.name,
        "group": arm.group,
        "words": arm.description,
        "table": arm.changes.get("table"),
        "terms": arm.terms,
        "seeds": len(own),
        "parameters": next(iter(own.values()))["parameters"],
        "seconds": round(float(np.mean([run["seconds"] for run in own.values()])), 1),
    }


def _others(arm: Arm, of_arm: Mapping[str, Runs]) -> tuple[Runs, Runs]:
    """Return the runs of an arm's baseline and of its reference; empty where there are none."""
    return of_arm.get(arm.baseline or "", {}), of_arm.get(arm.reference or "", {})


def _figures(name: str, own: Runs, others: tuple[Runs, Runs], shared: bool) -> Iterator[dict[str, Any]]:
    for key in dict.fromkeys(key for run in own.values() for key in run["figures"]):
        values = [run["figures"][key] for run in own.values() if key in run["figures"]]
        chance = [run["chance"][key] for run in own.values() if key in run["chance"]]
        yield {
            "row": name,
            **_named(key),
            "mean": float(np.mean(values)),
            "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
            "seeds": len(values),
            "chance": float(np.mean(chance)) if chance else None,
            **{side: _difference(base, own, key, shared) for side, base in zip(SIDES, others, strict=True)},
        }


def _named(key: str) -> dict[str, Any]:
    of_set, figure, *rest = key.split("/")
    return {"set": of_set, "figure": figure, "filtered": rest == [FILTERED]}


def _difference(base: Runs, own: Runs, key: str, shared: bool) -> dict[str, Any] | None:
    """Compute the difference of an arm's metric to another arm's, on the seeds that have both.

    Returns:
        difference, low, high: Student's t over seeds; boot_low, boot_high: bootstrap percentiles over seeds and
        held-out people, drawn jointly for both arms, None without draws; seeds: their number. None without a common
        seed.
    """
    seeds = [seed for seed in own if seed in base and all(key in run[seed]["figures"] for run in (own, base))]
    paired = paired_difference([base[s]["figures"][key] for s in seeds], [own[s]["figures"][key] for s in seeds])
    if paired is None:
        return None
    low = high = None
    if all(key in run[seed]["draws"] for run in (own, base) for seed in seeds):
        draws = np.array([np.subtract(own[s]["draws"][key], base[s]["draws"][key]) for s in seeds])
        low, high = bootstrap_interval(draws, np.array(paired.differences), shared)
    return {
        "difference": paired.difference,
        "low": paired.low,
        "high": paired.high,
        "boot_low": low,
        "boot_high": high,
        "seeds": len(seeds),
    }


def _details(name: str, own: Runs, others: tuple[Runs, Runs]) -> Iterator[dict[str, Any]]:
    places = dict.fromkeys(
        (key, part) for run in own.values() for key, named in run["details"].items() for part in named
    )
    for key, part in places:
        values = _of_seeds(own, key, part)
        each = list(values.values())
        line = {"row": name, **_named(key), "name": part, "mean": float(np.mean(each))}
        line |= {"sd": float(np.std(each, ddof=1)) if len(each) > 1 else None, "seeds": len(each)}
        for side, base in zip(SIDES, others, strict=True):
            theirs = _of_seeds(base, key, part)
            found = paired_difference([theirs.get(seed) for seed in values], each)
            line[f"{side}_difference"] = found and found.difference
            line[f"{side}_low"], line[f"{side}_high"] = (found.low, found.high) if found else (None, None)
            line[f"{side}_seeds"] = len(found.differences) if found else 0
        yield line


def _of_seeds(runs: Runs, key: str, name: str) -> dict[int, float]:
    """Return seed -> value of an AU or an expression."""
    values = {seed: run["details"].get(key, {}).get(name) for seed, run in runs.items()}
    return {seed: value for seed, value in values.items() if value is not None}


def _curves(own: Runs) -> dict[str, list[float | None]]:
    def mean(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return round(float(np.mean(known)), 5) if known else None

    terms = dict.fromkeys(term for run in own.values() for term in run["curves"])
    return {
        term: [mean(values) for values in zip(*(run["curves"][term] for run in own.values()), strict=True)]
        for term in terms
    }

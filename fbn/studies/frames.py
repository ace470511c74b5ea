"""Data frames of a study for tables and plots: differences with tooltips, arms by metrics, descriptions of arms."""

from collections.abc import Sequence

import pandas as pd

from fbn.studies.labels import signed
from fbn.studies.markdown import names_in_order
from fbn.studies.read import StudyResult, differences

_ARM_COLUMNS = {
    "label": "Arm",
    "arm": "Short name",
    "description": "What it is",
    "table": "Table",
    "terms": "Coupling losses",
    "seeds": "Seeds",
    "steps": "Steps",
    "parameters": "Parameters",
    "seconds": "Seconds a run",
}


def difference_lines(result: StudyResult, frame: pd.DataFrame, side: str, seeds: bool = True) -> pd.DataFrame:
    """Return differences with tooltips, for a forest plot.

    Args:
        result: the study.
        frame: rows of ``result.figures`` or ``result.details``.
        side: ``"uncoupled"`` or ``"single"``.
        seeds: add the differences of single seeds.

    Returns:
        As ``differences``, with the columns hover (HTML) and seeds_at (lists).
    """
    lines = differences(frame, side)
    if lines.empty:
        return lines.assign(hover="")
    value, count = "{:.3f}".format, lines["seeds"].astype(str)
    hover = lines["arm"].map(result.arms["label"]) + " (" + lines["arm"] + ")<br>" + lines["interval"] + ", "
    hover += count + " seeds<br>value " + lines["mean"].map(value)
    if "chance" in lines:
        low, high = (lines[f"{side}_boot_{end}"].map("{:+.3f}".format) for end in ("low", "high"))
        hover += "; chance " + lines["chance"].map(value) + "<br>bootstrap: " + low + " to " + high
    lines["hover"] = hover
    if seeds:
        ticks = result.seed_differences(side)
        lines["seeds_at"] = [ticks.get(each, []) for each in zip(lines["arm"], lines["key"], strict=True)]
    return lines


def with_values(figures: pd.DataFrame) -> pd.DataFrame:
    """Add the columns number (the mean) and text (with the standard deviation) to rows of ``StudyResult.figures``."""
    spread = figures["sd"].map(lambda sd: "" if pd.isna(sd) else f" ± {sd:.3f}")
    return figures.assign(number=figures["mean"], text=figures["mean"].map("{:.3f}".format) + spread)


def with_differences(lines: pd.DataFrame) -> pd.DataFrame:
    """Add the columns number (the difference) and text (with the verdict's mark) to rows of ``differences``."""
    return lines.assign(number=lines["difference"], text=lines["mark"] + " " + lines["difference"].map(signed))


def chances(figures: pd.DataFrame, keys: Sequence[str]) -> list[float]:
    """Return chance on each of the keys that ``figures`` has; NaN where it is not known."""
    chance = figures.groupby("key")["chance"].mean()
    return [float(chance[key]) for key in keys if key in chance]


def arms_by_figures(result: StudyResult, lines: pd.DataFrame, keys: Sequence[str], values: str) -> pd.DataFrame:
    """Pivot a column of ``lines`` to arms by metrics.

    Args:
        result: the study.
        lines: columns arm, key and ``values``.
        keys: keys of the metrics, in order; those without rows are left out.
        values: name of the column.

    Returns:
        One row per arm, indexed by its label; columns are pairs of data set and metric names.
    """
    arms = [arm for arm in result.arms.index if arm in set(lines["arm"])]
    known = [key for key in keys if key in set(lines["key"])]
    table = lines.pivot(index="arm", columns="key", values=values).reindex(index=arms, columns=known)
    heads = pd.MultiIndex.from_tuples([tuple(result.measure(key).split(" · ", 1)) for key in known])
    return table.set_axis([result.label(arm) for arm in arms]).set_axis(heads, axis=1)


def detail_lines(result: StudyResult, details: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Sort rows of ``StudyResult.details`` by name and arm, and add the columns label and series (the arm's label).

    AUs that are in no table of ``arms`` are marked with a star.
    """
    tables = [result.tables[arm] for arm in arms if arm in result.tables]
    return details.assign(
        label=[result.display.part_label(name, tables) for name in details["name"]],
        order=details["name"].map(names_in_order(result, details).index),
        place=details["arm"].map(list(arms).index),
        series=details["arm"].map(result.arms["label"]),
    ).sort_values(["order", "place"])


def arms_table(result: StudyResult) -> pd.DataFrame:
    """Return one row per arm: its description and how it was trained."""
    terms = [
        ", ".join(f"{result.display.loss(term).lower()} {weight:g}" for term, weight in weights.items())
        for weights in result.arms["terms"]
    ]
    steps = result.arms.index.map(result.steps)
    frame = result.arms.reset_index(names="arm").assign(terms=terms, steps=steps)
    return frame[list(_ARM_COLUMNS)].rename(columns=_ARM_COLUMNS)

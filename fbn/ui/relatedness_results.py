"""A comparison's result as a sentence, a figure and a table; without Streamlit."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fbn.ui.palette import ACCENT, EXPRESSION_COLOURS
from fbn.ui.relatedness import plain
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, Expression

_TASKS = {
    "accuracy": "Expressions, accuracy",
    "mean_diagonal": "Expressions, mean diagonal",
    "f1": "Action units, mean F1",
    "auc": "Action units, mean ROC area",
    "ccc_valence": "Valence, CCC",
    "ccc_arousal": "Arousal, CCC",
}


def sentence(result: Mapping[str, Any]) -> str:
    """The answer in words: did the edited table help on the AUs that it changes?"""
    on, (base, edited) = result["changed_units"], result["comparison"]["names"]
    touched = ", ".join(dict.fromkeys(f"AU{cell['action_unit']}" for cell in result["changed"]))
    if on is None:
        return f"None of the changed AUs ({touched}) was active often enough in the held-out faces to be scored."
    seeds = len(on["differences"])
    moved = f"mean F1 on the changed AUs ({touched}) {on['base']:.3f} → {on['edited']:.3f}"
    if on["low"] is None:
        return f"**{moved}**, one seed: no telling whether that is chance."
    spread = f"difference {on['difference']:+.3f}, 95 % interval {on['low']:+.3f} to {on['high']:+.3f}, {seeds} seeds"
    verdict = "makes no difference that these runs can tell"
    if on["low"] > 0:
        verdict = "is better"
    elif on["high"] < 0:
        verdict = "is worse"
    return f"Training with **{plain(edited)}** instead of {plain(base)} **{verdict}**: {moved} ({spread})."


def rows(result: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Every figure in the order of the page: tasks, the changed AUs together, single AUs."""
    found = [(_TASKS.get(name, name.replace("_", " ").capitalize()), row) for name, row in result["tasks"].items()]
    if result["changed_units"] is not None:
        found.append(("Changed AUs, mean F1", result["changed_units"]))
    names = {unit.short: f"{unit.short} {unit.name}" for unit in ACTION_UNIT_BY_NUMBER.values()}
    return [*found, *((names.get(name, name), row) for name, row in result["units"].items())]


def differences(result: Mapping[str, Any]) -> dict[str, Any]:
    """A Plotly figure: edited minus base for every figure, with its interval and every seed; changed AUs stand out."""
    touched = {f"AU{cell['action_unit']}" for cell in result["changed"]}
    lines = list(reversed(rows(result)))
    labels = [label for label, _ in lines]
    marked = ["Changed" in label or label.split(" ")[0] in touched for label in labels]
    colours = [EXPRESSION_COLOURS[Expression.ANGER] if mark else ACCENT for mark in marked]
    symbols = ["diamond" if mark else "circle" for mark in marked]
    spread = [0.0 if row["low"] is None else row["high"] - row["difference"] for _, row in lines]
    seeds = [(each, label) for label, row in lines for each in row["differences"]]
    mean = {
        "type": "scatter",
        "mode": "markers",
        "name": "mean and 95 % interval",
        "x": [row["difference"] for _, row in lines],
        "y": labels,
        "error_x": {"type": "data", "array": spread, "thickness": 2, "width": 4},
        "marker": {"size": 10, "color": colours, "symbol": symbols},
        "hovertemplate": "%{y}: %{x:+.3f}<extra></extra>",
    }
    each = {
        "type": "scatter",
        "mode": "markers",
        "name": "single seeds",
        "x": [x for x, _ in seeds],
        "y": [y for _, y in seeds],
        "marker": {"size": 6, "symbol": "line-ns-open", "color": "gray"},
        "hovertemplate": "one seed: %{x:+.3f}<extra></extra>",
    }
    return {
        "data": [each, mean],
        "layout": {
            "height": 90 + 24 * len(lines),
            "margin": {"l": 8, "r": 12, "t": 34, "b": 44},
            "xaxis": {"title": {"text": "edited − base"}, "zeroline": True, "zerolinewidth": 2, "automargin": True},
            "yaxis": {"automargin": True, "showgrid": True},
            "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        },
    }


def figures(result: Mapping[str, Any]) -> pd.DataFrame:
    """Every figure of both tables with difference, standard deviation over seeds and interval, and chance."""
    chance = {_TASKS.get(name, name): value for name, value in result["chance"].items()}
    return pd.DataFrame(
        [
            {
                "Figure": label,
                "Base": round(row["base"], 3),
                "Edited": round(row["edited"], 3),
                "Difference": round(row["difference"], 3),
                "SD": None if row["sd"] is None else round(row["sd"], 3),
                "95 % from": None if row["low"] is None else round(row["low"], 3),
                "to": None if row["high"] is None else round(row["high"], 3),
                "Chance": None if label not in chance else round(chance[label], 3),
            }
            for label, row in rows(result)
        ]
    )

"""A comparison's result as a sentence, a figure and a table; without Streamlit."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fbn.studies.tables import rows
from fbn.ui.palette import ACCENT, EXPRESSION_COLOURS
from fbn.ui.relatedness.draft import plain
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, Expression

#: What ``rows`` calls the mean over the changed AUs.
_CHANGED = "F1 of changed AUs"
_FIGURES = {
    _CHANGED: "Changed AUs, mean F1",
    "accuracy": "Expressions, accuracy",
    "mean_diagonal": "Expressions, mean diagonal",
    "f1": "AUs, mean F1",
    "auc": "AUs, mean ROC area",
    "ccc_valence": "Valence, CCC",
    "ccc_arousal": "Arousal, CCC",
    **{unit.short: f"{unit.short} {unit.name}" for unit in ACTION_UNIT_BY_NUMBER.values()},
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


def cells(result: Mapping[str, Any]) -> list[str]:
    """Of each changed cell a sentence: how often both networks see the AU in faces of the expression, and the truth."""
    said = []
    for name, about in result["cells"].items():
        expression, _, unit = name.rpartition(" ")
        base = f"{about['base']:.0%} of faces of {expression} with the base table"
        edited = f"{about['edited']:.0%} with the edited one"
        said.append(f"{unit} is seen in {base}, in {edited}; it is there in {about['true']:.0%}.")
    return said


def differences(result: Mapping[str, Any]) -> dict[str, Any]:
    """A Plotly figure: edited minus base for every figure, with its interval and every seed; changed AUs stand out."""
    lines = list(reversed(rows(result)))
    labels = [_label(line["figure"]) for line in lines]
    colours = [EXPRESSION_COLOURS[Expression.ANGER] if line["changed"] else ACCENT for line in lines]
    symbols = ["diamond" if line["changed"] else "circle" for line in lines]
    spread = [0.0 if line["low"] is None else line["high"] - line["difference"] for line in lines]
    single = {**result["tasks"], **result["units"], _CHANGED: result["changed_units"]}
    seeds = [(x, _label(line["figure"])) for line in lines for x in single[line["figure"]]["differences"]]
    mean = {
        "type": "scatter",
        "mode": "markers",
        "name": "mean and 95 % interval",
        "x": [line["difference"] for line in lines],
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
    names = {"figure": "Figure", "base": "Base", "edited": "Edited", "difference": "Difference", "sd": "SD"}
    names |= {"low": "95 % from", "high": "to", "chance": "Chance"}
    frame = pd.DataFrame(rows(result))[list(names)].rename(columns=names).round(3)
    return frame.assign(Figure=[_label(name) for name in frame["Figure"]])


def _label(figure: str) -> str:
    return _FIGURES.get(figure, figure)

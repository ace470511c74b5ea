"""The Coupling lab's figures, as plain dicts for Plotly (see ``fbn.ui.charts``); colour and line style both tell."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fbn.labelling import Observational
from fbn.losses.coupling import Gradients, MatchingForm
from fbn.relatedness import RelatednessTable
from fbn.ui.coupling import curves as coupling
from fbn.ui.coupling.training import Point
from fbn.ui.effect_view import FORMS
from fbn.ui.palette import ACCENT, SECOND
from fbn.vocabulary import ACTION_UNITS, EXPRESSIONS

#: Line of each form: Okabe and Ito's colours, and a dash that tells without them.
LINES: dict[str, dict[str, Any]] = {
    "kl": {"color": ACCENT, "dash": "solid", "width": 3},
    "printed": {"color": "#D55E00", "dash": "dash", "width": 2.5},
    "cross_entropy": {"color": "#009E73", "dash": "dot", "width": 3},
    "soft_target": {"color": "#CC79A7", "dash": "dashdot", "width": 2.5},
}
_GRAY = "rgba(128,134,150,0.75)"
_P = "p: what the AU head says"
_MOST_LOSS, _MOST_SLOPE = 4.0, 6.0


def curves(forms: Sequence[MatchingForm], q: float, slope: bool = False) -> dict[str, Any]:
    """Loss, or its gradient, over p for some forms at one q; dots mark each form's lowest point."""
    data = []
    for form in forms:
        found = coupling.curve(form, q)
        y = found.slope if slope else found.loss
        hover = f"{FORMS[form]}<br>p = %{{x:.2f}}<br>{'gradient' if slope else 'loss'} = %{{y:.2f}}<extra></extra>"
        data.append(_line(FORMS[form], found.p, y, LINES[form], hover))
        if not slope:
            dot = {"size": 11, "color": LINES[form]["color"], "line": {"width": 1.5, "color": "white"}}
            low = float(found.loss.min())
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": [round(found.lowest, 3)],
                    "y": [round(low, 3)],
                    "marker": dot,
                    "showlegend": False,
                    "hovertemplate": f"{FORMS[form]}: lowest at p = {found.lowest:.2f}<extra></extra>",
                }
            )
    title = "gradient dL/dp" if slope else "loss"
    span = [-_MOST_SLOPE, _MOST_SLOPE] if slope else [-0.15, _MOST_LOSS]
    layout = _layout(240 if slope else 330, _P, title, x=[-0.015, 1.015], y=span)
    layout["shapes"] = [_rule("x", q)] + ([_rule("y", 0.0, dash="solid")] if slope else [])
    layout["annotations"] = [_note(q, 1.0, f"q = {q:.2f}", "bottom")]
    layout["showlegend"] = not slope
    layout["legend"], layout["margin"]["t"] = _LEGEND, 24 if slope else 58
    return {"data": data, "layout": layout}


def plane(form: MatchingForm) -> dict[str, Any]:
    """The loss as a map over p and q; the line runs through each q's lowest p."""
    grid, loss = coupling.plane(form)
    lowest = grid[loss.argmin(1)]
    heat = {
        "type": "heatmap",
        "x": grid.round(3).tolist(),
        "y": grid.round(3).tolist(),
        "z": np.minimum(loss, _MOST_LOSS).round(3).tolist(),
        "colorscale": "Cividis",
        "colorbar": {"title": {"text": "loss"}, "thickness": 12},
        "hovertemplate": "p = %{x:.2f}, q = %{y:.2f}<br>loss %{z:.2f}<extra></extra>",
    }
    line = _line("lowest", lowest, grid, {"color": "#D55E00", "width": 4}, "at q = %{y:.2f} lowest at p = %{x:.2f}")
    under = _line("", lowest, grid, {"color": "white", "width": 7}, "skip") | {"hoverinfo": "skip"}
    del under["hovertemplate"]
    layout = _layout(360, _P, "q: what the expressions imply", x=[0.01, 0.99], y=[0.01, 0.99])
    layout["showlegend"] = False
    return {"data": [heat, under, line], "layout": layout}


def descent(form: MatchingForm, q: float) -> dict[str, Any]:
    """p on its way from several starts, under one form."""
    found = coupling.descent(form, q)
    steps = np.arange(len(found))
    data = [
        _line(
            f"from {start}",
            steps,
            found[:, i],
            LINES[form] | {"width": 2},
            f"step %{{x}}: p = %{{y:.2f}} (from {start})",
        )
        for i, start in enumerate(coupling.STARTS)
    ]
    layout = _layout(215, "steps of gradient descent", "p", x=[0, len(found) - 1], y=[-0.03, 1.03])
    layout["shapes"] = [_rule("y", q)]
    layout["showlegend"] = False
    layout["annotations"] = [
        {"x": 1, "xref": "paper", "xanchor": "right", "y": q, "yanchor": "bottom", "text": "q", "showarrow": False}
    ]
    return {"data": data, "layout": layout}


def paths(form: MatchingForm, gradients: Gradients) -> dict[str, Any]:
    """p and q of one AU on their ways from a grid of starts; a ring where each begins, a dot where it ends."""
    found = coupling.paths(form, gradients)
    ways = [
        _line("", found[:, i, 0], found[:, i, 1], LINES[form] | {"width": 2, "dash": "solid"}, "p %{x:.2f}, q %{y:.2f}")
        for i in range(found.shape[1])
    ]
    ring = {"size": 8, "symbol": "circle-open", "color": _GRAY, "line": {"width": 2}}
    dot = {"size": 10, "color": LINES[form]["color"], "line": {"width": 1, "color": "white"}}
    ends = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": found[at, :, 0].round(3).tolist(),
            "y": found[at, :, 1].round(3).tolist(),
            "marker": look,
            "hovertemplate": f"{word}: p %{{x:.2f}}, q %{{y:.2f}}<extra></extra>",
        }
        for at, look, word in ((0, ring, "start"), (-1, dot, "end"))
    ]
    layout = _layout(400, "p(AU12): AU head", "q(AU12) = p(happiness)", x=[0, 1], y=[0, 1])
    layout["shapes"] = [
        {"type": "line", "x0": 0, "y0": 0, "x1": 1, "y1": 1, "line": {"color": _GRAY, "dash": "dot", "width": 1.5}}
    ]
    layout["annotations"] = [
        {"x": 1, "y": 1, "text": "p = q", "showarrow": False, "xanchor": "right", "yanchor": "bottom"}
    ]
    layout["showlegend"], layout["margin"]["t"] = False, 28
    return {"data": [*ways, *ends], "layout": layout}


def implied(series: Sequence[tuple[str, np.ndarray]]) -> dict[str, Any]:
    """q of every AU, one or two ways beside each other, as bars."""
    looks = ({"color": ACCENT}, {"color": SECOND, "pattern": {"shape": "/", "solidity": 0.35}})
    data = [
        {
            "type": "bar",
            "name": name,
            "x": [unit.short for unit in ACTION_UNITS],
            "y": values.round(3).tolist(),
            "marker": look,
            "hovertemplate": "%{x}: q = %{y:.2f}<extra>" + name + "</extra>",
        }
        for (name, values), look in zip(series, looks, strict=False)
    ]
    layout = _layout(290, "", "q(AU)", y=[0, 1.02])
    layout["xaxis"] |= {"tickangle": -90, "tickfont": {"size": 11}}
    layout["legend"], layout["margin"]["t"], layout["bargap"] = _LEGEND, 40, 0.3
    return {"data": data, "layout": layout}


def soft(series: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Shares of the seven expressions: the soft label, and what each form of the loss teaches."""
    looks = (
        {"color": ACCENT},
        {"color": LINES["printed"]["color"], "pattern": {"shape": "/", "solidity": 0.35}},
        {"color": LINES["soft_target"]["color"], "pattern": {"shape": "x", "solidity": 0.35}},
    )
    data = [
        {
            "type": "bar",
            "name": name,
            "x": [e.value for e in EXPRESSIONS],
            "y": values.round(3).tolist(),
            "marker": look,
            "hovertemplate": "%{x}: %{y:.2f}<extra>" + name + "</extra>",
        }
        for (name, values), look in zip(series.items(), looks, strict=True)
    ]
    layout = _layout(320, "", "share", y=[0, 1.02])
    layout["legend"], layout["margin"]["t"], layout["bargap"] = _LEGEND, 60, 0.25
    return {"data": data, "layout": layout}


def temperatures(
    active: tuple[int, ...], table: RelatednessTable, observational: Observational, now: float
) -> dict[str, Any]:
    """The soft label's largest share against the temperature."""
    x = np.arange(0.1, 2.01, 0.1).round(1)
    y = [coupling.soft_label(active, table, float(t), observational).max() for t in x]
    layout = _layout(220, "temperature", "largest share", x=[0.1, 2], y=[0, 1.02])
    layout["shapes"] = [_rule("x", now), _rule("y", 1 / len(EXPRESSIONS))]
    layout["annotations"] = [
        {"x": 1.98, "y": 1 / len(EXPRESSIONS), "text": "even shares", "showarrow": False}
        | {"xanchor": "right", "yanchor": "top"}
    ]
    line = _line("largest share", x, y, {"color": ACCENT, "width": 3}, "temperature %{x:.2f}: %{y:.2f}")
    return {"data": [line], "layout": layout}


def training(points: Sequence[Point], field: str, steps: int, span: Sequence[float] | None) -> dict[str, Any]:
    """One of ``Point``'s figures of both networks against the steps done."""
    x = [point.step for point in points]
    looks = (
        ("Couplings off", {"color": SECOND, "dash": "dash", "width": 2.5}),
        ("Couplings on", {"color": ACCENT, "dash": "solid", "width": 3}),
    )
    data = [
        _line(name, x, [getattr(point, field)[i] for point in points], look, f"{name}<br>step %{{x}}: %{{y:.2f}}")
        for i, (name, look) in enumerate(looks)
    ]
    layout = _layout(230, "steps", "", x=[0, steps], y=span)
    layout["legend"], layout["margin"]["t"], layout["uirevision"] = _LEGEND, 34, "stay"
    layout["margin"]["l"] = 34
    return {"data": data, "layout": layout}


_LEGEND = {"orientation": "h", "x": 0, "y": 1.06, "yanchor": "bottom"}


def _line(name: str, x: Any, y: Any, look: dict[str, Any], hover: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": np.asarray(x, float).round(4).tolist(),
        "y": np.asarray(y, float).round(4).tolist(),
        "line": look,
        "hovertemplate": hover if "<extra>" in hover else f"{hover}<extra></extra>",
    }


def _layout(
    height: int, x_title: str, y_title: str, x: Sequence[float] | None = None, y: Sequence[float] | None = None
) -> dict[str, Any]:
    def axis(title: str, span: Sequence[float] | None) -> dict[str, Any]:
        return {"title": {"text": title}, "zeroline": False} | ({"range": list(span)} if span else {})

    return {
        "height": height,
        "margin": {"l": 52, "r": 10, "t": 14, "b": 46},
        "xaxis": axis(x_title, x) | {"showgrid": False},
        "yaxis": axis(y_title, y),
        "dragmode": False,
    }


def _rule(axis: str, at: float, dash: str = "dot") -> dict[str, Any]:
    """A line across the figure."""
    other = "y" if axis == "x" else "x"
    return {
        "type": "line",
        f"{axis}0": at,
        f"{axis}1": at,
        f"{other}0": 0,
        f"{other}1": 1,
        f"{other}ref": "paper",
        "line": {"color": _GRAY, "dash": dash, "width": 1.5},
    }


def _note(x: float, y: float, text: str, anchor: str) -> dict[str, Any]:
    return {"x": x, "y": y, "yref": "paper", "yanchor": anchor, "text": text, "showarrow": False}

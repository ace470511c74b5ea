"""The Coupling lab's plots. Series differ in colour and in line style."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.express as px
import plotly.graph_objects as go

from fbn.jobs.lesson import PairScores
from fbn.labelling import Observational
from fbn.losses import curves
from fbn.losses.coupling import Gradients, MatchingForm
from fbn.relatedness import RelatednessTable
from fbn.ui.effect_view import FORMS
from fbn.ui.palette import ACCENT, GREEN, PINK, SECOND, VERMILION
from fbn.vocabulary import EXPRESSIONS

#: Form of the matching loss -> line style.
LINES: dict[str, dict[str, Any]] = {
    "kl": {"color": ACCENT, "dash": "solid", "width": 3},
    "printed": {"color": VERMILION, "dash": "dash", "width": 2.5},
    "cross_entropy": {"color": GREEN, "dash": "dot", "width": 3},
    "soft_target": {"color": PINK, "dash": "dashdot", "width": 2.5},
}
_RULE = {"color": "rgba(128,134,150,0.75)", "dash": "dot", "width": 1.5}
_P = "p: what the AU head says"
#: Limits of the y axes.
_MAX_LOSS, _MAX_SLOPE = 4.0, 6.0
#: Title and range of an axis.
_Axis = tuple[str, Sequence[float] | None]


def form_curves(forms: Sequence[MatchingForm], q: float, slope: bool = False) -> go.Figure:
    """Plot the loss of each form, or its gradient, against p at one q; dots mark the minima."""
    y_range = (-_MAX_SLOPE, _MAX_SLOPE) if slope else (-0.15, _MAX_LOSS)
    name = "gradient" if slope else "loss"
    figure = _figure(240 if slope else 330, (_P, (-0.015, 1.015)), ("gradient dL/dp" if slope else name, y_range))
    for form in forms:
        curve = curves.curve(form, q)
        hover = f"{FORMS[form]}<br>p = %{{x:.2f}}<br>{name} = %{{y:.2f}}"
        _line(figure, curve.p, curve.slope if slope else curve.loss, LINES[form], hover, FORMS[form])
        if not slope:
            dot = {"size": 11, "color": LINES[form]["color"], "line": {"width": 1.5, "color": "white"}}
            hover = f"{FORMS[form]}: lowest at p = {curve.lowest:.2f}"
            _dots(figure, [curve.lowest], [curve.loss.min()], dot, hover)
    figure.add_vline(q, line=_RULE, annotation={"text": f"q = {q:.2f}", "yanchor": "bottom", "xanchor": "center"})
    if slope:
        figure.add_hline(0, line=_RULE | {"dash": "solid"})
        return figure.update_layout(margin={"t": 24})
    return _with_legend(figure, 58)


def plane(form: MatchingForm) -> go.Figure:
    """Plot the loss over p and q as a heatmap; the line connects the minima over p."""
    grid, loss = curves.plane(form)
    lowest = grid[loss.argmin(1)]
    figure = _figure(360, (_P, (0.01, 0.99)), ("q: what the expressions imply", (0.01, 0.99)))
    figure.add_heatmap(
        x=grid,
        y=grid,
        z=np.minimum(loss, _MAX_LOSS),
        colorscale="Cividis",
        colorbar={"title": {"text": "loss"}, "thickness": 12},
        hovertemplate="p = %{x:.2f}, q = %{y:.2f}<br>loss %{z:.2f}<extra></extra>",
    )
    _line(figure, lowest, grid, {"color": "white", "width": 7}, "")
    _line(figure, lowest, grid, {"color": VERMILION, "width": 4}, "at q = %{y:.2f} lowest at p = %{x:.2f}", "lowest")
    return figure


def descent(form: MatchingForm, q: float) -> go.Figure:
    """Plot gradient descent on p under one form, from several starting points."""
    path = curves.descent(form, q)
    figure = _figure(215, ("steps of gradient descent", (0, len(path) - 1)), ("p", (-0.03, 1.03)))
    for start, values in zip(curves.STARTS, path.T, strict=True):
        hover, name = f"step %{{x}}: p = %{{y:.2f}} (from {start})", f"from {start}"
        _line(figure, np.arange(len(path)), values, LINES[form] | {"width": 2}, hover, name)
    figure.add_hline(q, line=_RULE, annotation={"text": "q", "xanchor": "right", "yanchor": "bottom"})
    return figure


def paths(form: MatchingForm, gradients: Gradients) -> go.Figure:
    """Plot gradient descent on p and q of one AU from a grid of starting points; rings: starts, dots: ends."""
    steps = curves.paths(form, gradients)
    figure = _figure(400, ("p(AU12): AU head", (0, 1)), ("q(AU12) = p(happiness)", (0, 1)))
    for path in steps.swapaxes(0, 1):
        _line(figure, path[:, 0], path[:, 1], LINES[form] | {"width": 2, "dash": "solid"}, "p %{x:.2f}, q %{y:.2f}")
    ring = {"size": 8, "symbol": "circle-open", "color": _RULE["color"], "line": {"width": 2}}
    dot = {"size": 10, "color": LINES[form]["color"], "line": {"width": 1, "color": "white"}}
    _dots(figure, steps[0, :, 0], steps[0, :, 1], ring, "start: p %{x:.2f}, q %{y:.2f}")
    _dots(figure, steps[-1, :, 0], steps[-1, :, 1], dot, "end: p %{x:.2f}, q %{y:.2f}")
    figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line=_RULE)
    figure.add_annotation(x=1, y=1, text="p = q", showarrow=False, xanchor="right", yanchor="bottom")
    return figure.update_layout(margin={"t": 28})


def bars(labels: Sequence[str], series: Mapping[str, np.ndarray], title: str) -> go.Figure:
    """Plot grouped bars of up to three series with values in [0, 1].

    Args:
        labels: N labels of the x axis.
        series: name -> [N] values.
        title: title of the y axis.
    """
    colours = {"color_discrete_sequence": (ACCENT, SECOND, LINES["soft_target"]["color"])}
    frame = pd.DataFrame(dict(series), index=list(labels))
    figure = px.bar(frame, barmode="group", pattern_shape="variable", pattern_shape_sequence=("", "/", "x"), **colours)
    for trace in figure.data:
        trace.update(hovertemplate=f"{trace.name}<br>%{{x}}: %{{y:.2f}}<extra></extra>")
    figure.update_traces(marker_pattern_solidity=0.35).update_layout(_layout(310, ("", None), (title, (0, 1.02))))
    return _with_legend(figure, 60).update_layout(bargap=0.3, xaxis_tickfont_size=11)


def temperatures(
    active: tuple[int, ...], table: RelatednessTable, observational: Observational, now: float
) -> go.Figure:
    """Plot the soft label's largest probability against the temperature."""
    x, even = np.arange(0.1, 2.01, 0.1).round(1), 1 / len(EXPRESSIONS)
    y = [curves.soft_label(active, table, float(t), observational).max() for t in x]
    figure = _figure(220, ("temperature", (0.1, 2)), ("largest share", (0, 1.02)))
    _line(figure, x, y, {"color": ACCENT, "width": 3}, "temperature %{x:.2f}: %{y:.2f}", "largest share")
    figure.add_vline(now, line=_RULE)
    figure.add_hline(even, line=_RULE, annotation={"text": "even shares", "xanchor": "right", "yanchor": "top"})
    return figure


def training(points: Sequence[PairScores], field: str, steps: int, y_range: Sequence[float] | None) -> go.Figure:
    """Plot a metric of ``PairScores`` against training steps, for both networks."""
    figure = _figure(230, ("steps", (0, steps)), ("", y_range))
    styles = {
        "Couplings off": {"color": SECOND, "dash": "dash", "width": 2.5},
        "Couplings on": {"color": ACCENT, "dash": "solid", "width": 3},
    }
    for i, (name, style) in enumerate(styles.items()):
        values = [getattr(point, field)[i] for point in points]
        _line(figure, [point.step for point in points], values, style, f"{name}<br>step %{{x}}: %{{y:.2f}}", name)
    return _with_legend(figure, 34).update_layout(uirevision="stay", margin={"l": 34})


def _figure(height: int, x: _Axis, y: _Axis) -> go.Figure:
    return go.Figure(layout=_layout(height, x, y))


def _layout(height: int, x: _Axis, y: _Axis) -> dict[str, Any]:
    return {
        "height": height,
        "margin": {"l": 52, "r": 10, "t": 14, "b": 46},
        "xaxis": {"title": {"text": x[0]}, "zeroline": False, "range": x[1], "showgrid": False},
        "yaxis": {"title": {"text": y[0]}, "zeroline": False, "range": y[1]},
        "dragmode": False,
        "showlegend": False,
    }


def _line(figure: go.Figure, x: Any, y: Any, style: Mapping[str, Any], hover: str, name: str = "") -> None:
    """Add a line; ``hover`` is the text shown at its points, or ""."""
    figure.add_scatter(x=x, y=y, mode="lines", line=style, name=name)
    figure.data[-1].update({"hovertemplate": f"{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"})


def _dots(figure: go.Figure, x: Any, y: Any, style: Mapping[str, Any], hover: str) -> None:
    figure.add_scatter(x=x, y=y, mode="markers", marker=style, showlegend=False, name="")
    figure.data[-1].update(hovertemplate=f"{hover}<extra></extra>")


def _with_legend(figure: go.Figure, top: int) -> go.Figure:
    legend = {"orientation": "h", "x": 0, "y": 1.06, "yanchor": "bottom", "title": {"text": ""}}
    return figure.update_layout(showlegend=True, legend=legend, margin={"t": top})

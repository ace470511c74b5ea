"""Plotly figures as plain dicts, for pages with video: ``go.Figure`` validates every field, which takes 4 ms."""

from collections.abc import Sequence
from typing import Any

from fbn.ui.palette import ACCENT, SECOND

#: Hides Plotly's tool bar, which covers a small chart.
CONFIG = {"displayModeBar": False}
_MAX_POINTS = 1500


def time_line(
    seconds: Sequence[float],
    valence: Sequence[float],
    arousal: Sequence[float],
    now: float | None = None,
    height: int = 210,
) -> dict[str, Any]:
    """Plot valence and arousal against time.

    Args:
        seconds: [N] times.
        valence, arousal: [N] values in [-1, 1]; NaN leaves a gap.
        now: time of a vertical cursor; None for no cursor.
        height: height of the plot in pixels.
    """
    step = max(1, len(seconds) // _MAX_POINTS)
    x = list(seconds[::step])

    def line(name: str, values: Sequence[float], colour: str, dash: str) -> dict[str, Any]:
        y = [None if v != v else round(float(v), 3) for v in values[::step]]
        style = {"color": colour, "dash": dash, "width": 2}
        hover = "%{y:+.2f} at %{x:.1f} s"
        return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": style, "hovertemplate": hover}

    cursor = {"type": "line", "x0": now, "x1": now, "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 1.5}}
    return {
        "data": [line("valence", valence, ACCENT, "solid"), line("arousal", arousal, SECOND, "dash")],
        "layout": {
            "height": height,
            "margin": {"l": 44, "r": 8, "t": 28, "b": 38},
            "xaxis": {"title": {"text": "time (s)"}, "showgrid": False},
            "yaxis": {"title": {"text": "−1 … 1"}, "range": [-1.05, 1.05], "tickvals": [-1, -0.5, 0, 0.5, 1]},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "shapes": [cursor] if now is not None else [],
            "uirevision": "stay",
        },
    }


def alt_text(figure: dict[str, Any]) -> str:
    """Return a sentence on a figure's axes and traces, for screen readers."""
    layout = figure["layout"]
    axes = [layout.get(axis, {}).get("title", {}).get("text", "") for axis in ("yaxis", "xaxis")]
    names = list(dict.fromkeys(trace["name"] for trace in figure["data"] if trace.get("name")))
    subject = " against ".join(filter(None, axes)) or "values"
    return f"Chart of {subject}{': ' if names else ''}{', '.join(names)}."

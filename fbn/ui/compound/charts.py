"""Plots of a few-shot result: mean diagonals, the learning curve, recall by class."""

import pandas as pd
import plotly.express as px
import plotly.graph_objects as go

from fbn.fewshot.request import Result
from fbn.ui.palette import ACCENT, GRAY, SECOND

_COLOURS = {"guessing": GRAY, "zero-shot": SECOND, "few-shot": ACCENT}
_SYMBOLS = {"guessing": "line-ns-open", "zero-shot": "diamond", "few-shot": "circle"}
_LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}
_MARGIN = {"l": 8, "r": 12, "t": 40, "b": 44}


def comparison(result: Result) -> go.Figure:
    """Draw the mean diagonal of few-shot, zero-shot and guessing, with 95 % intervals."""
    sides = {
        "guessing": {"value": result["chance"]},
        "zero-shot": result["zero_shot"]["mean_diagonal"],
        "few-shot": result["figures"]["mean_diagonal"],
    }
    frame = 100 * pd.DataFrame(sides, ["value", "low", "high"]).T.astype(float).dropna(subset="value")
    frame = frame.rename_axis("side").reset_index()
    frame["up"], frame["down"] = frame["high"] - frame["value"], frame["value"] - frame["low"]
    figure = px.scatter(
        frame,
        x="value",
        y="side",
        error_x="up",
        error_x_minus="down",
        color="side",
        color_discrete_map=_COLOURS,
        symbol="side",
        symbol_map=_SYMBOLS,
        text=frame["value"].map("{:.0f} %".format),
    )
    figure.update_traces(
        marker={"size": 13, "line": {"width": 3}},
        error_x={"thickness": 2, "width": 5},
        textposition="top center",
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    figure.for_each_trace(lambda trace: trace.marker.line.update(color=trace.marker.color))
    figure.update_xaxes(title="mean diagonal (%)", range=[0, 100], zeroline=False)
    figure.update_yaxes(title="", categoryarray=list(sides), automargin=True, showgrid=False, range=[-0.5, 2.7])
    return figure.update_layout(height=210, showlegend=False, margin=_MARGIN | {"t": 8})


def learning_curve(result: Result) -> go.Figure | None:
    """Draw the mean diagonal against pictures per class; None with fewer than two points."""
    frame = pd.DataFrame(result["curve"], columns=["shots", "draws", "value", "low", "high"]).dropna(subset="value")
    if len(frame) < 2:
        return None
    x = ["all" if pd.isna(shots) else f"{shots:.0f}" for shots in frame["shots"]]
    value = 100 * frame["value"]
    low, high = (100 * frame[end].astype(float).fillna(frame["value"]) for end in ("low", "high"))
    draws = (100 * frame["draws"].set_axis(x).explode().astype(float)).dropna()
    figure = go.Figure()
    figure.add_scatter(x=[*x, *x[::-1]], y=[*high, *low[::-1]], mode="lines", name="95 % interval", hoverinfo="skip")
    figure.data[-1].update(fill="toself", fillcolor=f"{ACCENT}38", line={"width": 0})
    figure.add_scatter(x=draws.index, y=draws, mode="markers", name="single draws")
    figure.data[-1].update(
        marker={"size": 5, "color": GRAY, "opacity": 0.7}, hovertemplate="one draw: %{y:.0f} %<extra></extra>"
    )
    for name, level, dash in (("zero-shot", value.iloc[0], "dash"), ("guessing", 100 * result["chance"], "dot")):
        figure.add_scatter(x=[x[0], x[-1]], y=[level, level], mode="lines", name=name)
        figure.data[-1].update(
            line={"color": _COLOURS[name], "dash": dash, "width": 2},
            hovertemplate=f"{name}: %{{y:.0f}} %<extra></extra>",
        )
    counts = frame["draws"].map(len)
    figure.add_scatter(x=x, y=value, mode="lines+markers", name="few-shot")
    figure.data[-1].update(
        line={"color": ACCENT, "width": 2.5},
        marker={"size": 8},
        customdata=pd.DataFrame({"draws": counts, "low": low, "high": high}),
        hovertemplate="%{x} per class: %{y:.0f} % (%{customdata[1]:.0f} to %{customdata[2]:.0f}), "
        "%{customdata[0]} draws<extra></extra>",
    )
    figure.update_xaxes(title="labelled pictures per class", type="category", showgrid=False)
    figure.update_yaxes(title="mean diagonal (%)", rangemode="tozero", automargin=True)
    return figure.update_layout(height=380, margin=_MARGIN, legend=_LEGEND)


def recalls(result: Result) -> go.Figure:
    """Draw the recall of each measured class, zero-shot and few-shot."""
    sides = {"zero-shot": result["zero_shot_recall"], "few-shot": result["recall"]}
    frame = 100 * pd.DataFrame(sides, result["classes"][::-1]).astype(float).dropna(subset="few-shot")
    labels = [name.capitalize() for name in frame.index]
    figure = go.Figure()
    # the lower marker is hollow and larger, so that both are visible where they coincide
    for name, symbol, size in (("zero-shot", "diamond-open", 15), ("few-shot", "circle", 8)):
        figure.add_scatter(x=frame[name], y=labels, mode="markers", name=name)
        figure.data[-1].update(
            marker={"size": size, "symbol": symbol, "color": _COLOURS[name]}
            | {"line": {"width": 2.5, "color": _COLOURS[name]}},
            customdata=[result["measured"].get(name, 0) for name in frame.index],
            hovertemplate=f"%{{y}}, {name}: %{{x:.0f}} % of %{{customdata}}<extra></extra>",
        )
    for label, ends in zip(labels, frame.itertuples(index=False), strict=True):
        line = {"color": GRAY, "width": 2}
        figure.add_shape(type="line", x0=ends[0], x1=ends[1], y0=label, y1=label, layer="between", line=line)
    figure.update_xaxes(title="recall (%)", range=[-3, 103], zeroline=False)
    figure.update_yaxes(automargin=True, showgrid=True)
    return figure.update_layout(height=110 + 26 * len(labels), margin=_MARGIN, legend=_LEGEND)

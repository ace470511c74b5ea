"""The study's plots: differences with intervals, values, curves; symbols repeat what colours say."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import plotly.express as px
import plotly.graph_objects as go

from fbn.studies.labels import Verdict
from fbn.ui.palette import ACCENT, EXPRESSION_COLOURS, SECOND
from fbn.vocabulary import Expression

_GRAY = EXPRESSION_COLOURS[Expression.NEUTRAL]
#: Verdict -> colour.
COLOURS = {
    Verdict.BETTER.value: EXPRESSION_COLOURS[Expression.SADNESS],
    Verdict.WORSE.value: EXPRESSION_COLOURS[Expression.ANGER],
    Verdict.OPEN.value: _GRAY,
}
#: Symbols of verdicts; of arms that share a line, hollow where the interval holds 0.
_SYMBOLS = {
    Verdict.BETTER.value: "triangle-up",
    Verdict.WORSE.value: "triangle-down",
    Verdict.OPEN.value: "circle-open",
}
ARM_SYMBOLS = {"circle": "●", "diamond": "◆", "square": "■", "cross": "✚", "star": "★"}
#: Colour, symbol and dash of a series; the first is for the arm that others are compared with.
_SERIES = (
    (_GRAY, "circle-open", "dot"),
    (EXPRESSION_COLOURS[Expression.HAPPINESS], "square-open", "dash"),
    (ACCENT, "circle", "solid"),
    (EXPRESSION_COLOURS[Expression.DISGUST], "diamond", "dashdot"),
    (EXPRESSION_COLOURS[Expression.FEAR], "x-thin-open", "longdash"),
    (EXPRESSION_COLOURS[Expression.SURPRISE], "star", "longdashdot"),
    (EXPRESSION_COLOURS[Expression.ANGER], "triangle-up", "solid"),
    (EXPRESSION_COLOURS[Expression.SADNESS], "hexagon", "dot"),
)
#: More series than this cannot be told apart.
MOST_SERIES = len(_SERIES)
_LINE = 26
_HOVER = "%{customdata[0]}<extra></extra>"
_LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "title": {"text": ""}}


def forest(
    frame: pd.DataFrame,
    axis: str,
    *,
    heading: str = "",
    by_arm: bool = False,
    span: Sequence[float] | None = None,
    marks: Sequence[str] = (),
) -> go.Figure:
    """Differences with 95 % intervals, a line for each label, from top to bottom.

    Args:
        frame: columns label, difference, low, high, verdict and hover (HTML); an optional ``seeds_at`` of lists adds a
            tick for each seed. Lines without a difference are empty.
        axis: title of the axis.
        heading: column by whose values lines are grouped under headings; "": none.
        by_arm: draw rows of equal heading and label on one line, with a symbol for each ``arm``.
        span: range of the axis; None: that of the data.
        marks: up to two columns with further differences.
    """
    lines = frame.drop_duplicates([heading, "label"] if heading else ["label"])
    texts: list[str] = []
    places: dict[tuple[str, str], int] = {}
    for group, label in zip(lines[heading] if heading else [""] * len(lines), lines["label"], strict=True):
        if group and group not in {known for known, _ in places}:
            texts.append(f"<b>{group}</b>")
        places[group, label] = len(texts)
        texts.append(label)
    groups = frame[heading] if heading else [""] * len(frame)
    at = [float(places[each]) for each in zip(groups, frame["label"], strict=True)]
    frame = _with_errors(frame).assign(at=at)
    frame["symbol"], line = frame["verdict"].map(_SYMBOLS), _LINE
    if by_arm:
        arms = list(frame["arm"].unique())
        line = max(_LINE, 13 * len(arms))
        frame["at"] += (frame["arm"].map(arms.index) - (len(arms) - 1) / 2) * min(0.38, 0.8 / len(arms))
        symbols = frame["arm"].map(dict(zip(arms, ARM_SYMBOLS, strict=False)))
        frame["symbol"] = symbols + frame["verdict"].map(lambda verdict: "-open" if verdict == Verdict.OPEN else "")
    shown = frame.dropna(subset="difference")
    figure = px.scatter(
        shown,
        x="difference",
        y="at",
        error_x="up",
        error_x_minus="down",
        color="verdict",
        symbol="symbol",
        symbol_map="identity",
        color_discrete_map=COLOURS,
        custom_data=["hover"],
    )
    _outline(figure, 11).update_traces(error_x={"thickness": 2.2, "width": 4}, hovertemplate=_HOVER)
    if "seeds_at" in shown:
        seeds = shown[["seeds_at", "at"]].explode("seeds_at").dropna()
        figure.add_scatter(x=seeds["seeds_at"], y=seeds["at"], mode="markers", name="single seeds", opacity=0.8)
        figure.data[-1].update(
            marker={"symbol": "line-ns-open", "size": 7, "color": _GRAY},
            hovertemplate="one seed: %{x:+.3f}<extra></extra>",
        )
    for name, symbol, colour in zip(marks, ("diamond-open", "square-open"), (ACCENT, SECOND), strict=False):
        rows = frame.dropna(subset=name)
        figure.add_scatter(x=rows[name], y=rows["at"], mode="markers", name=name, text=rows["label"])
        figure.data[-1].update(
            marker={"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2.2}},
            hovertemplate=f"{name}, %{{text}}: %{{x:+.2f}}<extra></extra>",
        )
    figure.add_vline(0, line={"color": _GRAY, "width": 1.5})
    figure.update_xaxes(title=axis, zeroline=False, range=span, automargin=True)
    return _lined(figure, texts).update_layout(showlegend=False, margin={"t": 8}, height=64 + line * len(texts))


def span_of(frames: Iterable[pd.DataFrame]) -> tuple[float, float]:
    """A range that holds all differences with their intervals, and 0."""
    known = pd.concat([frame[["difference", "low", "high"]] for frame in frames]).to_numpy(float)
    ends = [0.0, *known[~np.isnan(known)].tolist()]
    room = 0.06 * (max(ends) - min(ends)) or 0.01
    return min(ends) - room, max(ends) + room


def dots(frame: pd.DataFrame, axis: str) -> go.Figure:
    """Values of several series on lines of their own, joined.

    Args:
        frame: label (of a line), series and value; ``MOST_SERIES`` series at most.
        axis: title of the axis.
    """
    labels = list(frame["label"].unique())
    frame = frame.assign(at=frame["label"].map(labels.index))
    figure = px.scatter(
        frame, x="value", y="at", color="series", symbol="series", hover_name="label", **_looks(("color", "symbol"))
    )
    _outline(figure, 10).for_each_trace(
        lambda trace: trace.update(hovertemplate=f"{trace.name}, %{{hovertext}}: %{{x:.3f}}<extra></extra>")
    )
    ends = frame.groupby("at")["value"].agg(["min", "max"])
    for at, low, high in ends.itertuples():
        figure.add_shape(
            type="line", x0=low, x1=high, y0=at, y1=at, layer="below", opacity=0.6, line={"color": _GRAY, "width": 1.5}
        )
    figure.update_xaxes(title=axis, zeroline=False)
    return _lined(figure, labels).update_layout(legend=_LEGEND, margin={"t": 40}, height=96 + _LINE * len(labels))


def curves(frame: pd.DataFrame, axis: str) -> go.Figure:
    """Means of a loss over equal parts of the training.

    Args:
        frame: series, share (of the training, in per cent) and value; NaN leaves a gap.
        axis: title of the vertical axis.
    """
    looks = _looks(("color", "line_dash"))
    figure = px.line(frame, x="share", y="value", color="series", line_dash="series", **looks)
    figure.for_each_trace(
        lambda trace: trace.update(hovertemplate=f"{trace.name}: %{{y:.3f}} at %{{x:.0f}} %<extra></extra>")
    )
    figure.update_xaxes(title="share of the training (%)", range=[0, 100], showgrid=False)
    figure.update_yaxes(title=axis, automargin=True, zeroline=False)
    return figure.update_layout(height=400, margin={"l": 8, "r": 12, "t": 64, "b": 44}, legend=_LEGEND)


def by_pictures(frame: pd.DataFrame, axis: str) -> go.Figure:
    """Differences with their intervals by the number of pictures with AU labels.

    Args:
        frame: series, pictures, difference, low, high and hover; ``MOST_SERIES`` series at most.
        axis: title of the vertical axis.
    """
    numbers, series = sorted(frame["pictures"].unique()), list(frame["series"].unique())
    # beside each other, so that all bars can be seen
    aside = 1 + 0.04 * (frame["series"].map(series.index) - (len(series) - 1) / 2)
    frame = _with_errors(frame).assign(x=frame["pictures"] * aside)
    # the first look is for what others are compared with, which is the axis here
    looks = _looks(("color", "symbol", "line_dash"), first=1)
    figure = px.line(
        frame,
        x="x",
        y="difference",
        error_y="up",
        error_y_minus="down",
        color="series",
        symbol="series",
        line_dash="series",
        log_x=True,
        custom_data=["hover"],
        **looks,
    )
    figure.update_traces(marker={"size": 10}, hovertemplate=_HOVER)
    figure.update_xaxes(title="pictures with AU labels (log scale)", showgrid=False, tickvals=numbers)
    figure.update_xaxes(ticktext=[f"{number:,}" for number in numbers])
    figure.update_yaxes(title=axis, automargin=True, zeroline=True, zerolinewidth=2)
    return figure.update_layout(height=420, margin={"l": 8, "r": 12, "t": 56, "b": 44}, legend=_LEGEND)


def _with_errors(frame: pd.DataFrame) -> pd.DataFrame:
    """With the lengths of the error bars."""
    return frame.assign(up=frame["high"] - frame["difference"], down=frame["difference"] - frame["low"])


def _outline(figure: go.Figure, size: int) -> go.Figure:
    """Markers with an outline in their own colour, so that hollow ones are as visible as filled ones."""
    figure.update_traces(marker={"size": size, "line": {"width": 2}})
    return figure.for_each_trace(lambda trace: trace.marker.line.update(color=trace.marker.color))


def _looks(parts: Sequence[str], first: int = 0) -> dict[str, list[str]]:
    """Plotly Express' sequences of colours, symbols and dashes."""
    names = {"color": "color_discrete_sequence", "symbol": "symbol_sequence", "line_dash": "line_dash_sequence"}
    every = (*_SERIES[first:], *_SERIES[:first])
    return {names[part]: [look[list(names).index(part)] for look in every] for part in parts}


def _lined(figure: go.Figure, texts: Sequence[str]) -> go.Figure:
    """Name the lines, from top to bottom."""
    figure.update_yaxes(
        title="",
        tickvals=list(range(len(texts))),
        ticktext=list(texts),
        range=[len(texts) - 0.4, -0.6],
        automargin=True,
        showgrid=False,
        zeroline=False,
        tickfont={"size": 12},
    )
    return figure.update_layout(margin={"l": 8, "r": 12, "b": 44}, hovermode="closest")

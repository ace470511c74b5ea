"""The study's plots: differences with intervals, values, loss curves. Symbols repeat the information of colours."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import plotly.express as px
import plotly.graph_objects as go

from fbn.studies.labels import Verdict
from fbn.ui.palette import ACCENT, BETTER, BLUE, GRAY, GREEN, ORANGE, PINK, SECOND, SKY_BLUE, VERMILION, WORSE

#: Verdict -> colour.
COLOURS = {
    Verdict.BETTER.value: BETTER,
    Verdict.WORSE.value: WORSE,
    Verdict.OPEN.value: GRAY,
}
#: Verdict -> symbol.
_SYMBOLS = {
    Verdict.BETTER.value: "triangle-up",
    Verdict.WORSE.value: "triangle-down",
    Verdict.OPEN.value: "circle-open",
}
#: Symbols of arms that share a line, hollow where the interval contains 0; and each as a character.
ARM_SYMBOLS = {"circle": "●", "diamond": "◆", "square": "■", "cross": "✚", "star": "★"}
#: Colour, symbol and dash of each series; the first is the baseline's.
_SERIES = (
    (GRAY, "circle-open", "dot"),
    (ORANGE, "square-open", "dash"),
    (ACCENT, "circle", "solid"),
    (GREEN, "diamond", "dashdot"),
    (PINK, "x-thin-open", "longdash"),
    (SKY_BLUE, "star", "longdashdot"),
    (VERMILION, "triangle-up", "solid"),
    (BLUE, "hexagon", "dot"),
)
#: More series than this cannot be distinguished.
MAX_SERIES = len(_SERIES)
#: Height of a line in pixels.
_LINE = 26
#: Symbol and colour of the extra columns.
_EXTRA = (("diamond-open", ACCENT), ("square-open", SECOND))
_HOVER = "%{customdata[0]}<extra></extra>"
_LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "title": {"text": ""}}


def forest_plot(
    frame: pd.DataFrame,
    axis: str,
    *,
    heading: str = "",
    by_arm: bool = False,
    x_range: Sequence[float] | None = None,
    extra_columns: Sequence[str] = (),
) -> go.Figure:
    """Draw a forest plot: differences with 95 % intervals, one line per label, from top to bottom.

    Args:
        frame: columns label, difference, low, high, verdict and hover (HTML). The optional column ``seeds_at`` holds
            lists and adds a tick for each seed. Rows without a difference leave their line empty.
        axis: title of the x axis.
        heading: column by which lines are grouped under headings; "" for no headings.
        by_arm: whether rows of equal heading and label share a line, with a symbol for each ``arm``.
        x_range: range of the x axis; None for that of the data.
        extra_columns: up to two columns with further differences.

    Raises:
        ValueError: more than two extra columns, or with ``by_arm`` more arms than symbols.
    """
    if len(extra_columns) > len(_EXTRA):
        raise ValueError(f"expected at most {len(_EXTRA)} extra columns, got {len(extra_columns)}")
    lines = frame.drop_duplicates([heading, "label"] if heading else ["label"])
    texts: list[str] = []
    positions: dict[tuple[str, str], int] = {}
    for group, label in zip(lines[heading] if heading else [""] * len(lines), lines["label"], strict=True):
        if group and group not in {known for known, _ in positions}:
            texts.append(f"<b>{group}</b>")
        positions[group, label] = len(texts)
        texts.append(label)
    groups = frame[heading] if heading else [""] * len(frame)
    at = [float(positions[each]) for each in zip(groups, frame["label"], strict=True)]
    frame = _with_errors(frame).assign(at=at)
    frame["symbol"], line = frame["verdict"].map(_SYMBOLS), _LINE
    if by_arm:
        arms = list(frame["arm"].unique())
        if len(arms) > len(ARM_SYMBOLS):
            raise ValueError(f"expected at most {len(ARM_SYMBOLS)} arms on a line, got {len(arms)}")
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
            marker={"symbol": "line-ns-open", "size": 7, "color": GRAY},
            hovertemplate="one seed: %{x:+.3f}<extra></extra>",
        )
    for name, (symbol, colour) in zip(extra_columns, _EXTRA, strict=False):
        rows = frame.dropna(subset=name)
        figure.add_scatter(x=rows[name], y=rows["at"], mode="markers", name=name, text=rows["label"])
        figure.data[-1].update(
            marker={"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2.2}},
            hovertemplate=f"{name}, %{{text}}: %{{x:+.2f}}<extra></extra>",
        )
    figure.add_vline(0, line={"color": GRAY, "width": 1.5})
    figure.update_xaxes(title=axis, zeroline=False, range=x_range, automargin=True)
    return _label_lines(figure, texts).update_layout(showlegend=False, margin={"t": 8}, height=64 + line * len(texts))


def x_range_of(frames: Iterable[pd.DataFrame]) -> tuple[float, float]:
    """Return a range that contains all differences with their intervals, and 0."""
    values = pd.concat([frame[["difference", "low", "high"]] for frame in frames]).to_numpy(float)
    ends = [0.0, *values[~np.isnan(values)].tolist()]
    margin = 0.06 * (max(ends) - min(ends)) or 0.01
    return min(ends) - margin, max(ends) + margin


def dot_plot(frame: pd.DataFrame, axis: str) -> go.Figure:
    """Draw one line per label with the values of several series, joined by a bar.

    Args:
        frame: columns label, series and value; ``MAX_SERIES`` series at most.
        axis: title of the x axis.
    """
    labels = list(frame["label"].unique())
    frame = frame.assign(at=frame["label"].map(labels.index))
    figure = px.scatter(
        frame, x="value", y="at", color="series", symbol="series", hover_name="label", **_styles(("color", "symbol"))
    )
    _outline(figure, 10).for_each_trace(
        lambda trace: trace.update(hovertemplate=f"{trace.name}, %{{hovertext}}: %{{x:.3f}}<extra></extra>")
    )
    ends = frame.groupby("at")["value"].agg(["min", "max"])
    for at, low, high in ends.itertuples():
        figure.add_shape(
            type="line", x0=low, x1=high, y0=at, y1=at, layer="below", opacity=0.6, line={"color": GRAY, "width": 1.5}
        )
    figure.update_xaxes(title=axis, zeroline=False)
    return _label_lines(figure, labels).update_layout(legend=_LEGEND, margin={"t": 40}, height=96 + _LINE * len(labels))


def curves(frame: pd.DataFrame, axis: str) -> go.Figure:
    """Draw the means of a loss over intervals of equal length of the training.

    Args:
        frame: columns series, progress (of the training, in percent) and value; NaN leaves a gap.
        axis: title of the y axis.
    """
    styles = _styles(("color", "line_dash"))
    figure = px.line(frame, x="progress", y="value", color="series", line_dash="series", **styles)
    figure.for_each_trace(
        lambda trace: trace.update(hovertemplate=f"{trace.name}: %{{y:.3f}} at %{{x:.0f}} %<extra></extra>")
    )
    figure.update_xaxes(title="share of the training (%)", range=[0, 100], showgrid=False)
    figure.update_yaxes(title=axis, automargin=True, zeroline=False)
    return figure.update_layout(height=400, margin={"l": 8, "r": 12, "t": 64, "b": 44}, legend=_LEGEND)


def by_pictures(frame: pd.DataFrame, axis: str, pictures: str) -> go.Figure:
    """Draw differences with their intervals against the number of pictures with labels of one kind.

    Args:
        frame: columns series, pictures, difference, low, high and hover; ``MAX_SERIES`` series at most.
        axis: title of the y axis.
        pictures: which pictures are counted, in words.
    """
    numbers, series = sorted(frame["pictures"].unique()), list(frame["series"].unique())
    # shifted sideways, so that error bars do not overlap
    shift = 1 + 0.04 * (frame["series"].map(series.index) - (len(series) - 1) / 2)
    frame = _with_errors(frame).assign(x=frame["pictures"] * shift)
    # the baseline's style is not used: here the baseline is the line at 0
    styles = _styles(("color", "symbol", "line_dash"), first=1)
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
        **styles,
    )
    figure.update_traces(marker={"size": 10}, hovertemplate=_HOVER)
    figure.update_xaxes(title=f"{pictures} (log scale)", showgrid=False, tickvals=numbers)
    figure.update_xaxes(ticktext=[f"{number:,}" for number in numbers])
    figure.update_yaxes(title=axis, automargin=True, zeroline=True, zerolinewidth=2)
    return figure.update_layout(height=420, margin={"l": 8, "r": 12, "t": 56, "b": 44}, legend=_LEGEND)


def _with_errors(frame: pd.DataFrame) -> pd.DataFrame:
    """Add columns with the lengths of the error bars."""
    return frame.assign(up=frame["high"] - frame["difference"], down=frame["difference"] - frame["low"])


def _outline(figure: go.Figure, size: int) -> go.Figure:
    """Outline markers in their fill colour, so that hollow ones are as visible as filled ones."""
    figure.update_traces(marker={"size": size, "line": {"width": 2}})
    return figure.for_each_trace(lambda trace: trace.marker.line.update(color=trace.marker.color))


def _styles(aesthetics: Sequence[str], first: int = 0) -> dict[str, list[str]]:
    """Return Plotly Express' sequences of colours, symbols and dashes, beginning with series ``first``."""
    names = {"color": "color_discrete_sequence", "symbol": "symbol_sequence", "line_dash": "line_dash_sequence"}
    every = (*_SERIES[first:], *_SERIES[:first])
    return {names[each]: [style[list(names).index(each)] for style in every] for each in aesthetics}


def _label_lines(figure: go.Figure, texts: Sequence[str]) -> go.Figure:
    """Label the lines on the y axis, from top to bottom."""
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

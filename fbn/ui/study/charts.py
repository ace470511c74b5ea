"""The study's plots as Plotly dicts: forest, dots, curves; signs tell apart what colours do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fbn.studies.records import Difference, SeedDifference
from fbn.studies.words import Verdict, interval, verdict
from fbn.ui.palette import ACCENT, EXPRESSION_COLOURS, SECOND
from fbn.vocabulary import Expression

_GRAY = EXPRESSION_COLOURS[Expression.NEUTRAL]
_BLUE, _RED = EXPRESSION_COLOURS[Expression.SADNESS], EXPRESSION_COLOURS[Expression.ANGER]
#: Verdict -> colour, symbol.
LOOKS = {
    Verdict.BETTER: (_BLUE, "triangle-up"),
    Verdict.WORSE: (_RED, "triangle-down"),
    Verdict.OPEN: (_GRAY, "circle-open"),
}
#: Of series: colour, symbol, dash; the first is for what others are held against.
_SERIES = (
    (_GRAY, "circle-open", "dot"),
    (EXPRESSION_COLOURS[Expression.HAPPINESS], "square-open", "dash"),
    (ACCENT, "circle", "solid"),
    (EXPRESSION_COLOURS[Expression.DISGUST], "diamond", "dashdot"),
    (EXPRESSION_COLOURS[Expression.FEAR], "x-thin-open", "longdash"),
    (EXPRESSION_COLOURS[Expression.SURPRISE], "star", "longdashdot"),
    (_RED, "triangle-up", "solid"),
    (_BLUE, "hexagon", "dot"),
)
#: More series than this cannot be told apart.
MOST_SERIES = len(_SERIES)
_LINE, _MARGIN, _KEY = 26, 64, 32
_LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}


@dataclass(frozen=True)
class Line:
    """One line of a forest plot.

    Attributes:
        label: of the line.
        difference: with its interval; None leaves the line empty.
        seeds: single seeds' differences.
        hover: what is said of it beside its numbers.
        marks: further differences on the line: name -> value.
    """

    label: str
    difference: SeedDifference | None
    seeds: Sequence[float] = ()
    hover: str = ""
    marks: Mapping[str, float] | None = None


def forest(blocks: Mapping[str, Sequence[Line]], axis: str, span: tuple[float, float] | None = None) -> dict[str, Any]:
    """Differences with their 95 % intervals, block by block.

    Args:
        blocks: heading ("" for none) -> lines, from top to bottom.
        axis: title of the axis.
        span: its range; None: what is there.
    """
    y, lines = _places(blocks)
    data: list[dict[str, Any]] = [_zero(len(y))]
    ticks = [(x, line.label, at) for at, line in lines for x in line.seeds]
    if ticks:
        data.append(_points("single seeds", [t[0] for t in ticks], [t[2] for t in ticks], _GRAY, "line-ns-open", 7))
        data[-1]["hovertemplate"] = "one seed: %{x:+.3f}<extra></extra>"
    for each, (colour, symbol) in LOOKS.items():
        own = [(at, line, line.difference) for at, line in lines if line.difference]
        own = [entry for entry in own if verdict(entry[2]) is each]
        if own:
            data.append(_intervals(each, own, colour, symbol))
    for number, name in enumerate(dict.fromkeys(name for _, line in lines for name in line.marks or {})):
        own_marks = [(line.marks[name], at, line) for at, line in lines if line.marks and name in line.marks]
        symbol, colour = (("diamond-open", "square-open")[number % 2], (ACCENT, SECOND)[number % 2])
        data.append(_points(name, [m[0] for m in own_marks], [m[1] for m in own_marks], colour, symbol, 11))
        data[-1]["text"] = [m[2].label for m in own_marks]
        data[-1]["hovertemplate"] = f"{name}, %{{text}}: %{{x:+.2f}}<extra></extra>"
        data[-1]["marker"]["line"] = {"width": 2.2, "color": colour}
    return {
        "data": data,
        "layout": {
            "height": _MARGIN + _LINE * len(y),
            "margin": {"l": 8, "r": 12, "t": 8, "b": 44},
            "xaxis": {
                "title": {"text": axis},
                "zeroline": False,
                "automargin": True,
                **({"range": span} if span else {}),
            },
            "yaxis": {
                "tickvals": list(range(len(y))),
                "ticktext": y,
                "range": [len(y) - 0.4, -0.6],
                "automargin": True,
                "showgrid": False,
                "zeroline": False,
                "tickfont": {"size": 12},
            },
            "showlegend": False,
            "hovermode": "closest",
        },
    }


def span_of(lines: Iterable[Line]) -> tuple[float, float]:
    """A range that holds all differences with their intervals, and 0."""
    ends = [0.0]
    for line in lines:
        if line.difference:
            known = (line.difference.low, line.difference.high, line.difference.difference)
            ends += [end for end in known if end is not None]
    room = 0.06 * (max(ends) - min(ends)) or 0.01
    return min(ends) - room, max(ends) + room


def _places(blocks: Mapping[str, Sequence[Line]]) -> tuple[list[str], list[tuple[int, Line]]]:
    """What stands at each place from the top, and where each line does."""
    y: list[str] = []
    lines: list[tuple[int, Line]] = []
    for heading, own in blocks.items():
        if heading and own:
            y.append(f"<b>{heading}</b>")
        for line in own:
            lines.append((len(y), line))
            y.append(line.label)
    return y, lines


def _zero(count: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 0],
        "y": [-0.6, count - 0.4],
        "line": {"color": _GRAY, "width": 1.5},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _points(name: str, x: list[float], y: list[int], colour: str, symbol: str, size: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": x,
        "y": y,
        "marker": {"size": size, "color": colour, "symbol": symbol, "opacity": 0.8},
    }


def _intervals(
    what: Verdict, own: Sequence[tuple[int, Line, SeedDifference]], colour: str, symbol: str
) -> dict[str, Any]:
    middle = [difference.difference for _, _, difference in own]
    drawn = _points(str(what), middle, [at for at, _, _ in own], colour, symbol, 12)
    drawn["marker"] |= {"opacity": 1, "line": {"width": 2.2, "color": colour}}
    told = [
        f"{line.label}: {interval(d)}<br>{_beside(d)}" + (f"<br>{line.hover}" if line.hover else "")
        for _, line, d in own
    ]
    error = _bars([difference for _, _, difference in own], 2.2)
    return drawn | {"error_x": error, "text": told, "hovertemplate": "%{text}<extra></extra>"}


def _beside(difference: SeedDifference) -> str:
    """What is told of a difference beside its interval over seeds."""
    told = f"{difference.seeds} seeds"
    if not isinstance(difference, Difference):
        return told
    return f"{told}<br>bootstrap: {difference.boot_low:+.3f} to {difference.boot_high:+.3f}"


def _bars(differences: Sequence[SeedDifference], thickness: float) -> dict[str, Any]:
    """Intervals as Plotly's error bars; one of a single seed has none."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if d.high is None else d.high - d.difference for d in differences],
        "arrayminus": [0.0 if d.low is None else d.difference - d.low for d in differences],
        "thickness": thickness,
        "width": 4,
    }


def dots(series: Mapping[str, Mapping[str, float]], axis: str) -> dict[str, Any]:
    """Values of several series on lines of their own, joined.

    Args:
        series: name -> label of a line -> value; ``MOST_SERIES`` at most.
        axis: title of the axis.
    """
    labels = list(dict.fromkeys(label for values in series.values() for label in values))
    places = {label: place for place, label in enumerate(labels)}
    ends = [[values[label] for values in series.values() if label in values] for label in labels]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [value for own in ends for value in (min(own), max(own), None)],
            "y": [place for place in range(len(labels)) for _ in range(3)],
            "line": {"color": _GRAY, "width": 1.5},
            "opacity": 0.6,
            "hoverinfo": "skip",
            "showlegend": False,
        }
    ]
    for (name, values), (colour, symbol, _) in zip(series.items(), _SERIES, strict=False):
        drawn = _points(name, list(values.values()), [places[label] for label in values], colour, symbol, 10)
        drawn["marker"] |= {"opacity": 1, "line": {"width": 2, "color": colour}}
        data.append(drawn | {"text": list(values), "hovertemplate": f"{name}, %{{text}}: %{{x:.3f}}<extra></extra>"})
    return {
        "data": data,
        "layout": {
            "height": _MARGIN + _KEY + _LINE * len(labels),
            "margin": {"l": 8, "r": 12, "t": 40, "b": 44},
            "xaxis": {"title": {"text": axis}, "zeroline": False},
            "yaxis": {
                "tickvals": list(range(len(labels))),
                "ticktext": labels,
                "range": [len(labels) - 0.4, -0.6],
                "automargin": True,
                "zeroline": False,
                "tickfont": {"size": 12},
            },
            "legend": _LEGEND,
        },
    }


def curves(series: Mapping[str, Sequence[float | None]], axis: str) -> dict[str, Any]:
    """Means of a loss over equal parts of the training; None leaves a gap.

    Args:
        series: name -> values; ``MOST_SERIES`` at most.
        axis: title of the vertical axis.
    """
    data = []
    for (name, values), (colour, _, dash) in zip(series.items(), _SERIES, strict=False):
        x = [100 * (place + 0.5) / len(values) for place in range(len(values))]
        look = {"color": colour, "dash": dash, "width": 2.2}
        hover = f"{name}: %{{y:.3f}} at %{{x:.0f}} %<extra></extra>"
        data.append(
            {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": list(values), "line": look}
            | {"hovertemplate": hover}
        )
    return {
        "data": data,
        "layout": {
            "height": 400,
            "margin": {"l": 8, "r": 12, "t": 64, "b": 44},
            "xaxis": {"title": {"text": "share of the training (%)"}, "range": [0, 100], "showgrid": False},
            "yaxis": {"title": {"text": axis}, "automargin": True, "zeroline": False},
            "legend": _LEGEND,
        },
    }


def ladder(series: Mapping[str, Mapping[int, SeedDifference]], x: str, y: str) -> dict[str, Any]:
    """Differences with their intervals over a number of pictures.

    Args:
        series: name -> number -> difference; ``MOST_SERIES`` at most.
        x, y: titles of the axes.
    """
    numbers = sorted({number for own in series.values() for number in own})
    data: list[dict[str, Any]] = []
    # the first look is for what others are held against, which is the axis here
    for place, ((name, own), (colour, symbol, dash)) in enumerate(
        zip(series.items(), _SERIES[1:] + _SERIES[:1], strict=False)
    ):
        beside = 1 + 0.04 * (place - (len(series) - 1) / 2)
        found = sorted(own.items())
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": [number * beside for number, _ in found],
                "y": [d.difference for _, d in found],
                "error_y": _bars([d for _, d in found], 2),
                "line": {"color": colour, "dash": dash, "width": 2},
                "marker": {"size": 10, "color": colour, "symbol": symbol, "line": {"width": 2, "color": colour}},
                "text": [f"{name}, {number:,} pictures: {interval(d)}<br>{d.seeds} seeds" for number, d in found],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    ticks = {"tickvals": numbers, "ticktext": [f"{number:,}" for number in numbers]}
    return {
        "data": data,
        "layout": {
            "height": 420,
            "margin": {"l": 8, "r": 12, "t": 56, "b": 44},
            "xaxis": {"title": {"text": x}, "type": "log", "showgrid": False, **ticks},
            "yaxis": {"title": {"text": y}, "automargin": True, "zeroline": True, "zerolinewidth": 2},
            "legend": _LEGEND,
            "showlegend": True,
        },
    }

"""What few-shot learning found, as sentences and figures; without Streamlit."""

from collections.abc import Mapping, Sequence
from typing import Any

from fbn.ui.palette import ACCENT, SECOND

#: A few pictures leave intervals so wide that their names say more than their ends.
_GRAY = "#8A909C"
FIGURES = {
    "mean_diagonal": "Mean diagonal (= UAR)",
    "macro_f1": "Macro F1",
    "accuracy": "Accuracy",
}
_MOST_NAMED = 4


def answer(result: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What was reached, by zero-shot and by guessing: name, mean diagonal, interval."""
    sides = (
        ("Few-shot, mean diagonal", result["figures"]["mean_diagonal"]),
        ("Zero-shot", result["zero_shot"]["mean_diagonal"]),
        ("Guessing", {"value": result["chance"], "low": None}),
    )
    return [(name, percent(found["value"]), _interval(found)) for name, found in sides]


def sentence(result: Mapping[str, Any]) -> str:
    """The answer in words: whether learning beats zero-shot beyond chance."""
    apart = result["difference"]
    if result["figures"]["mean_diagonal"]["value"] is None:
        return "Nothing could be measured: no class has a second picture to be tested on."
    if apart["value"] is None:
        return ""
    moved = f"{100 * apart['value']:+.0f} points against zero-shot"
    if apart["low"] is None:
        return f"{moved}: with so few pictures there is no telling whether that is chance."
    spread = f"95 % interval {100 * apart['low']:+.0f} to {100 * apart['high']:+.0f}"
    if apart["low"] > 0:
        verdict = "The pictures **made it better**"
    elif apart["high"] < 0:
        verdict = "The pictures **made it worse**"
    elif apart["low"] == apart["high"] == 0:
        return "It answers **as zero-shot does**, picture by picture."
    else:
        verdict = "Whether the pictures helped **cannot be told** from so few"
    return f"{verdict}: {moved} ({spread})."


def percent(value: float | None) -> str:
    """A share for people; a dash where there is none."""
    return "–" if value is None else f"{100 * value:.0f} %"


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None:
        return ""
    return f"95 % interval {100 * figure['low']:.0f} to {100 * figure['high']:.0f} %"


def how_measured(result: Mapping[str, Any]) -> str:
    """On which pictures, in words."""
    count = sum(result["measured"].values())
    if result["measurement"] == "test":
        return f"Measured on the {count:,} pictures of the official test part, none of which was learned from."
    return f"Measured on {count:,} pictures, each named by what the other folds' pictures taught."


def few(names: Sequence[str]) -> str:
    """Some of many names."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def figures(result: Mapping[str, Any]) -> list[list[str]]:
    """Each figure's name, of what was learned and of zero-shot, in percent with its interval."""
    rows = []
    for key, label in FIGURES.items():
        row = [label]
        for side in ("figures", "zero_shot"):
            found = result[side][key]
            spread = "" if found["low"] is None else f" ({100 * found['low']:.0f} to {100 * found['high']:.0f})"
            row.append(percent(found["value"]) + spread)
        rows.append(row)
    return rows


def comparison(result: Mapping[str, Any]) -> dict[str, Any]:
    """A Plotly figure: mean diagonal of few-shot, zero-shot and guessing, with intervals."""
    sides = [
        ("guessing", {"value": result["chance"], "low": None, "high": None}, _GRAY, "line-ns-open"),
        ("zero-shot", result["zero_shot"]["mean_diagonal"], SECOND, "diamond"),
        ("few-shot", result["figures"]["mean_diagonal"], ACCENT, "circle"),
    ]
    data = []
    for name, found, colour, symbol in sides:
        if found["value"] is None:
            continue
        value = 100 * found["value"]
        error = {}
        if found["low"] is not None:
            high, low = 100 * found["high"] - value, value - 100 * found["low"]
            error = {
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [high],
                    "arrayminus": [low],
                    "thickness": 2,
                    "width": 5,
                }
            }
        data.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": [value],
                "y": [name],
                "text": [f"{value:.0f} %"],
                "textposition": "top center",
                "marker": {"size": 13, "color": colour, "symbol": symbol, "line": {"width": 3, "color": colour}},
                "hovertemplate": f"{name}: %{{x:.1f}} %<extra></extra>",
                **error,
            }
        )
    return {
        "data": data,
        "layout": {
            "height": 210,
            "showlegend": False,
            "margin": {"l": 8, "r": 12, "t": 8, "b": 44},
            "xaxis": {
                "title": {"text": "mean diagonal (%)"},
                "range": [0, 100],
                "zeroline": False,
            },
            "yaxis": {"automargin": True, "showgrid": False, "range": [-0.5, 2.7]},
        },
    }


def learning_curve(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """A Plotly figure: mean diagonal against pictures a class, with its interval, zero-shot and guessing beside it."""
    points = [point for point in result["curve"] if point["value"] is not None]
    if len(points) < 2:
        return None
    x = ["0" if p["shots"] == 0 else "all" if p["shots"] is None else str(p["shots"]) for p in points]
    y = [100 * p["value"] for p in points]
    low = [100 * (p["value"] if p["low"] is None else p["low"]) for p in points]
    high = [100 * (p["value"] if p["high"] is None else p["high"]) for p in points]
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": [*x, *reversed(x)],
        "y": [*high, *reversed(low)],
        "fill": "toself",
        "fillcolor": f"{ACCENT}38",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "name": "95 % interval",
    }
    mean = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": y,
        "name": "few-shot",
        "line": {"color": ACCENT, "width": 2.5},
        "marker": {"size": 8},
        "customdata": [[len(p["draws"]), bottom, top] for p, bottom, top in zip(points, low, high, strict=True)],
        "hovertemplate": "%{x} a class: %{y:.0f} % (%{customdata[1]:.0f} to %{customdata[2]:.0f}), "
        "%{customdata[0]} draws<extra></extra>",
    }
    singles = [(label, 100 * value) for label, p in zip(x, points, strict=True) for value in p["draws"]]
    draws = {
        "type": "scatter",
        "mode": "markers",
        "x": [label for label, _ in singles],
        "y": [value for _, value in singles],
        "name": "single draws",
        "marker": {"size": 5, "color": _GRAY, "opacity": 0.7},
        "hovertemplate": "one draw: %{y:.0f} %<extra></extra>",
    }
    return {
        "data": [
            band,
            draws,
            _level("zero-shot", y[0], x, SECOND, "dash"),
            _level("guessing", 100 * result["chance"], x, _GRAY, "dot"),
            mean,
        ],
        "layout": {
            "height": 380,
            "margin": {"l": 8, "r": 12, "t": 40, "b": 44},
            "xaxis": {"title": {"text": "labelled pictures a class"}, "type": "category", "showgrid": False},
            "yaxis": {"title": {"text": "mean diagonal (%)"}, "rangemode": "tozero", "automargin": True},
            "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        },
    }


def _level(name: str, value: float, x: list[str], colour: str, dash: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [x[0], x[-1]],
        "y": [value, value],
        "line": {"color": colour, "dash": dash, "width": 2},
        "hovertemplate": f"{name}: %{{y:.0f}} %<extra></extra>",
    }


def recalls(result: Mapping[str, Any]) -> dict[str, Any]:
    """A Plotly figure: of each class the share named rightly, by zero-shot and by what was learned."""
    classes = [name for name in reversed(result["classes"]) if result["recall"].get(name) is not None]
    own = [100 * result["recall"][name] for name in classes]
    zero = [100 * result["zero_shot_recall"][name] for name in classes]
    counts = [result["measured"].get(name, 0) for name in classes]
    labels = [name.capitalize() for name in classes]
    joined = {
        "type": "scatter",
        "mode": "lines",
        "x": [value for a, b in zip(zero, own, strict=True) for value in (a, b, None)],
        "y": [label for label in labels for _ in range(3)],
        "line": {"color": _GRAY, "width": 2},
        "hoverinfo": "skip",
        "showlegend": False,
    }

    # the one below is open and larger: both are seen where they agree
    def side(name: str, values: list[float], colour: str, symbol: str, size: int) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": values,
            "y": labels,
            "marker": {"size": size, "color": colour, "symbol": symbol, "line": {"width": 2.5, "color": colour}},
            "customdata": counts,
            "hovertemplate": f"%{{y}}, {name}: %{{x:.0f}} % of %{{customdata}}<extra></extra>",
        }

    return {
        "data": [
            joined,
            side("zero-shot", zero, SECOND, "diamond-open", 15),
            side("few-shot", own, ACCENT, "circle", 8),
        ],
        "layout": {
            "height": 110 + 26 * len(classes),
            "margin": {"l": 8, "r": 12, "t": 40, "b": 44},
            "xaxis": {"title": {"text": "named rightly (%)"}, "range": [-3, 103], "zeroline": False},
            "yaxis": {"automargin": True, "showgrid": True},
            "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        },
    }

"""Human-readable few-shot results: headline metrics, a conclusion, and a table of all metrics."""

import pandas as pd

from fbn.fewshot.request import Figure, Result

_FIGURES = {
    "mean_diagonal": "Mean diagonal (= UAR)",
    "macro_f1": "Macro F1",
    "accuracy": "Accuracy",
}


def headline(result: Result) -> list[tuple[str, str, str]]:
    """Return the mean diagonal of the trained model, of zero-shot and of guessing.

    Returns:
        Name, value in per cent and 95 % interval of each; an undefined interval is "".
    """
    guessing = Figure(value=result["chance"], low=None, high=None)
    sides = (
        ("Few-shot, mean diagonal", result["figures"]["mean_diagonal"]),
        ("Zero-shot", result["zero_shot"]["mean_diagonal"]),
        ("Guessing", guessing),
    )
    return [(name, percent(figure["value"]), _interval(figure)) for name, figure in sides]


def conclusion(result: Result) -> str:
    """Return a Markdown sentence on whether training beats zero-shot, by the interval of the difference."""
    difference = result["difference"]
    value, low, high = difference["value"], difference["low"], difference["high"]
    if result["figures"]["mean_diagonal"]["value"] is None:
        return "Nothing could be measured: no class has a second picture to be tested on."
    if value is None:
        return ""
    points = f"{100 * value:+.0f} points against zero-shot"
    if low is None or high is None:
        return f"{points}: with so few pictures there is no telling whether that is chance."
    if low > 0:
        verdict = "The pictures **made it better**"
    elif high < 0:
        verdict = "The pictures **made it worse**"
    elif low == high == 0:
        return "It answers **as zero-shot does**, picture by picture."
    else:
        verdict = "Whether the pictures helped **cannot be told** from so few"
    return f"{verdict}: {points} (95 % interval {100 * low:+.0f} to {100 * high:+.0f})."


def how_measured(result: Result) -> str:
    """Return a sentence on the pictures that were measured on."""
    count = sum(result["measured"].values())
    if result["measurement"] == "test":
        return f"Measured on the {count:,} pictures of the official test part, none of which was learned from."
    return f"Measured on {count:,} pictures, each named by what the other folds' pictures taught."


def figures_table(result: Result) -> pd.DataFrame:
    """Return a table with one row per metric: few-shot and zero-shot in per cent with 95 % intervals, as text."""
    sides = {"Few-shot": result["figures"], "Zero-shot": result["zero_shot"]}
    texts = {side: [_with_interval(figures[key]) for key in _FIGURES] for side, figures in sides.items()}  # type: ignore[literal-required]
    return pd.DataFrame(texts, index=pd.Index(_FIGURES.values(), name="with 95 % intervals"))


def percent(fraction: float | None) -> str:
    """Format a fraction in [0, 1] in per cent; None is a dash."""
    return "–" if fraction is None else f"{100 * fraction:.0f} %"


def _interval(figure: Figure) -> str:
    low, high = figure["low"], figure["high"]
    return "" if low is None or high is None else f"95 % interval {100 * low:.0f} to {100 * high:.0f} %"


def _with_interval(figure: Figure) -> str:
    low, high = figure["low"], figure["high"]
    return percent(figure["value"]) + ("" if low is None or high is None else f" ({100 * low:.0f} to {100 * high:.0f})")

"""Bars and the circumplex as HTML; Streamlit has no accessible widgets for them.

They inherit the page's text colour, so they fit the light and the dark theme, and are cheap to redraw twice a second
beside a video.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from fbn.inference.breakdown import ClassScore
from fbn.ui.palette import ACCENT, EXPRESSION_COLOURS
from fbn.vocabulary import ACTION_UNITS, AU_INDEX, DECISION, EXPRESSIONS, REGIONS, ActionUnit

#: Number of compound classes shown, beside the entry for none of them.
_MAX_CLASSES = 3
_NONE_COLOUR = "color-mix(in srgb,currentColor 45%,transparent)"

# white on the dark theme's bright accent would be a contrast of 2.7, Streamlit's captions on white have 4.3
STYLE = """<style>
button:is([data-testid^="stBaseButton-primary"],[kind="primary"]):not(:hover):not(:active):not(:disabled){
  color:light-dark(#fff,#12151d)}
[data-testid="stCaptionContainer"]{opacity:.75}
[data-testid="stCaptionContainer"] code{color:inherit}
.fbn-row{display:grid;grid-template-columns:minmax(6.5rem,9.5rem) 1fr 2.7rem;gap:.6rem;align-items:center;
  font-size:.875rem;line-height:1.55}
.fbn-au .fbn-row{grid-template-columns:12rem 1fr 2.4rem}
.fbn-compounds .fbn-row{grid-template-columns:minmax(8.5rem,11.5rem) 1fr 2.7rem}
.fbn-compounds .fbn-none{opacity:.85}
.fbn-compounds .fbn-none:not(.fbn-top) .fbn-name{font-style:italic}
.fbn-terms{width:100%;table-layout:fixed;border-collapse:collapse;font-size:.8rem;line-height:1.5;
  font-variant-numeric:tabular-nums}
.fbn-terms th:not(:first-child){width:3.1rem}
.fbn-terms th:nth-child(3){width:4.6rem}
.fbn-terms :is(th,td){text-align:right;padding:.12rem .35rem;border:0}
.fbn-terms th{font-size:.72rem;font-weight:500;line-height:1.2;vertical-align:bottom;opacity:.85}
.fbn-terms td{border-top:1px solid color-mix(in srgb,currentColor 12%,transparent)}
.fbn-terms :is(th,td):first-child{text-align:left}
.fbn-track{position:relative;height:.62rem;border-radius:.31rem;overflow:hidden;
  background:color-mix(in srgb,currentColor 13%,transparent)}
.fbn-fill{position:absolute;inset:0 auto 0 0;border-radius:.31rem}
.fbn-half{position:absolute;left:50%;top:0;bottom:0;width:1px;background:currentColor;opacity:.45}
.fbn-value{text-align:right;font-variant-numeric:tabular-nums}
.fbn-top{font-weight:650}
.fbn-code{display:inline-block;min-width:2.7em;opacity:.8;font-variant-numeric:tabular-nums}
.fbn-name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.fbn-au{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:.9rem 2rem}
.fbn-head{font-size:.78rem;letter-spacing:.02em;opacity:.8;margin-bottom:.15rem}
.st-key-card table{display:block;max-width:100%;overflow-x:auto}
@media (max-width:640px){.st-key-card :is(th,td){padding:.3rem .35rem;font-size:.8rem}
  .st-key-card :is(th,td):first-child{overflow-wrap:anywhere}
  [data-testid="stHorizontalBlock"]{row-gap:1rem}}
[data-testid="stPageLink-NavLink"]{position:relative;left:-.5rem}
[class*="st-key-live_past"]{filter:grayscale(1);opacity:.85}
[class*="st-key-live_past"] .fbn-track{opacity:.55}
.fbn-help [title]{cursor:help}
.fbn-plane{position:relative;width:min(100%,15rem);aspect-ratio:1;margin:1.6rem auto 1.4rem}
.fbn-circle{position:absolute;inset:0;border:1.5px solid color-mix(in srgb,currentColor 40%,transparent);
  border-radius:50%;background:
  linear-gradient(color-mix(in srgb,currentColor 22%,transparent) 0 0) center/100% 1px no-repeat,
  linear-gradient(color-mix(in srgb,currentColor 22%,transparent) 0 0) center/1px 100% no-repeat}
.fbn-plane span{position:absolute;transform:translate(-50%,-50%);font-size:.78rem;line-height:1;white-space:nowrap}
.fbn-plane .fbn-word{opacity:.75}
.fbn-plane .fbn-dot{width:.4rem;height:.4rem;border-radius:50%;background:ACCENT}
.fbn-plane .fbn-now{width:.95rem;height:.95rem;border-radius:50%;background:ACCENT;border:2px solid currentColor}
.fbn-plane .fbn-end{opacity:.8}
.fbn-plane .fbn-end[style*="left:100%"]{transform:translate(.4rem,-50%)}
.fbn-plane .fbn-end[style*="left:0"]{transform:translate(calc(-100% - .4rem),-50%)}
.fbn-plane .fbn-end[style*="top:0"]{transform:translate(-50%,calc(-100% - .3rem))}
.fbn-plane .fbn-end[style*="top:100%"]{transform:translate(-50%,.3rem)}
.fbn-plane .fbn-axis{font-weight:650;transform:translate(.4rem,.5rem)}
.fbn-plane .fbn-axis[style*="top:0"]{transform:translate(1rem,calc(-100% - .3rem))}
</style>""".replace("ACCENT", ACCENT)


def expression_bars(expression: np.ndarray) -> str:
    """Return seven bars from 0 to 100 %, the most probable in bold. ``expression``: [7] probabilities."""
    top = int(np.argmax(expression))
    rows = []
    for i, (name, value) in enumerate(zip(EXPRESSIONS, expression, strict=True)):
        style = " fbn-top" if i == top else ""
        rows.append(_row(name.value.capitalize(), float(value), EXPRESSION_COLOURS[name], style))
    return f'<div role="list" aria-label="Expression">{"".join(rows)}</div>'


def au_tooltip(unit: ActionUnit) -> str:
    """Return an AU's description and muscle as text."""
    return f"{unit.short} {unit.name}: {unit.description}. Muscle: {unit.muscle}."


def action_unit_bars(action_units: np.ndarray) -> str:
    """Return seventeen bars from 0 to 100 % by region of the face, with a line at 50 %. Input: [17] probabilities."""
    blocks = []
    for region, numbers in REGIONS.items():
        rows = []
        for number in numbers:
            unit, value = ACTION_UNITS[AU_INDEX[number]], float(action_units[AU_INDEX[number]])
            label = f'<span class="fbn-code">{unit.short}</span>{escape(unit.name)}'
            style = " fbn-top" if value >= DECISION else ""
            rows.append(_row(label, value, ACCENT, style, au_tooltip(unit), half=True))
        listed = f'<div role="list" aria-label="{region}">{"".join(rows)}</div>'
        blocks.append(f'<div><div class="fbn-head">{region}</div>{listed}</div>')
    return f'<div class="fbn-au fbn-help" role="group" aria-label="Action units">{"".join(blocks)}</div>'


def compound_bars(scores: Sequence[ClassScore]) -> str:
    """Return bars from 0 to 100 % for the three most probable classes and for none of them.

    The most probable is in bold. A bar has the colours of the two expressions of its class. The number of rows is
    fixed, so that the layout beside a video does not jump.

    Args:
        scores: from ``breakdown``.
    """
    top = max(scores, key=lambda score: score.probability)
    rows = []
    for score in [*[s for s in scores if not s.none][:_MAX_CLASSES], *[s for s in scores if s.none]]:
        style = " fbn-top" * (score is top) + " fbn-none" * score.none
        rows.append(_row(escape(score.display_name), score.probability, _colour(score), style, _sum(score)))
    return f'<div class="fbn-compounds fbn-help" role="list" aria-label="Compound expressions">{"".join(rows)}</div>'


def _colour(score: ClassScore) -> str:
    if score.none:
        return _NONE_COLOUR
    colours = [EXPRESSION_COLOURS[part] for part in score.parts] or [ACCENT]
    return colours[0] if len(colours) == 1 else f"linear-gradient(90deg,{colours[0]} 50%,{colours[1]} 50%)"


def _sum(score: ClassScore) -> str:
    """Return the score written out as a sum."""
    learnt = f" {'+' if score.learnt >= 0 else '−'} learnt {abs(score.learnt):.2f}" if score.learnt else ""
    return (
        f"{score.display_name}: action units {score.action_units:.2f} + expressions {score.expressions:.2f} "
        f"+ valence {score.valence:.0f}{learnt} = {score.total:.2f}"
    )


def _row(label: str, value: float, colour: str, style: str, tip: str = "", half: bool = False) -> str:
    width = 100 * min(max(value, 0.0), 1.0)
    shade = f"opacity:{1 if not half or value >= DECISION else 0.5}"
    title = f' title="{escape(tip)}"' if tip else ""
    line = '<span class="fbn-half"></span>' if half else ""
    return (
        f'<div class="fbn-row{style}" role="listitem"{title}><span class="fbn-name">{label}</span>'
        f'<span class="fbn-track"><span class="fbn-fill" style="width:{width:.1f}%;background:{colour};{shade}"></span>'
        f'{line}</span><span class="fbn-value">{width:.0f} %</span></div>'
    )


#: Positions of the words: (valence, arousal), after Russell 1980.
_WORDS = {"excited": (0.5, 0.55), "tense": (-0.5, 0.55), "calm": (0.5, -0.55), "gloomy": (-0.5, -0.55)}


def circumplex(trail: Sequence[tuple[float, float]]) -> str:
    """Return Russell's circumplex with the latest points; older ones fade.

    Args:
        trail: (valence, arousal) in [-1, 1], oldest first. May be empty.
    """
    parts = [f'<span class="fbn-word" style="{_position(point)}">{word}</span>' for word, point in _WORDS.items()]
    for age, point in enumerate(reversed(trail[:-1]), start=1):
        shade = 1 - age / len(trail)
        parts.append(f'<span class="fbn-dot" style="{_position(point)};opacity:{shade:.2f}"></span>')
    title = "no face yet"
    if trail:
        valence, arousal = trail[-1]
        title = f"valence {valence:+.2f}, arousal {arousal:+.2f}"
        parts.append(f'<span class="fbn-now" style="{_position(trail[-1])}"></span>')
    return (
        f'<div class="fbn-plane" role="img" aria-label="{title}">'
        '<span class="fbn-end" style="left:100%;top:50%">+1</span>'
        '<span class="fbn-end" style="left:0;top:50%">−1</span>'
        '<span class="fbn-end" style="left:50%;top:0">+1</span>'
        '<span class="fbn-end" style="left:50%;top:100%">−1</span>'
        f'<div class="fbn-circle">{"".join(parts)}</div>'
        '<span class="fbn-axis" style="left:100%;top:50%">valence</span>'
        '<span class="fbn-axis" style="left:50%;top:0">arousal</span></div>'
    )


def _position(point: tuple[float, float]) -> str:
    valence, arousal = (min(max(float(value), -1.0), 1.0) for value in point)
    return f"left:{50 + 50 * valence:.1f}%;top:{50 - 50 * arousal:.1f}%"

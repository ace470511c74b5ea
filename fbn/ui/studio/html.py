"""The studio's HTML: drawn intensities beside the network's probabilities for each AU; and the page's style."""

from html import escape

import numpy as np

from fbn.ui.html import au_tooltip
from fbn.ui.palette import ACCENT
from fbn.vocabulary import ACTION_UNITS, DECISION

STYLE = """<style>
.st-key-studio_face img{border-radius:.6rem;width:100%!important;max-width:26rem!important}
.st-key-studio_steps{display:grid;grid-template-columns:1fr 1fr;max-width:26rem}
.st-key-studio_knobs [data-testid="stSlider"]{display:grid;grid-template-columns:11.6rem 1fr;align-items:center;
  column-gap:1rem;padding-right:.6rem}
.st-key-studio_knobs [data-testid="stSlider"] [data-testid="stSliderTickBar"]{display:none}
.st-key-studio_knobs .fbn-head{margin:.6rem 0 0}
[data-testid="stColumn"]:has(.st-key-studio_face){position:sticky;top:4rem;align-self:flex-start}
@media (max-width:1020px){
  [data-testid="stHorizontalBlock"]:has(>[data-testid="stColumn"] .st-key-studio_face){flex-wrap:wrap}
  [data-testid="stHorizontalBlock"]:has(>[data-testid="stColumn"] .st-key-studio_face)>[data-testid="stColumn"]{
    min-width:calc(50% - 2rem)}
}
@media (max-width:640px){
  [data-testid="stHorizontalBlock"]:has(>[data-testid="stColumn"] .st-key-studio_face)>[data-testid="stColumn"]{
    min-width:100%}
  [data-testid="stColumn"]:has(.st-key-studio_face),
  [data-testid="stColumn"]:has(.st-key-studio_face)>[data-testid="stVerticalBlock"]{display:contents}
  [data-testid="stLayoutWrapper"]:has(>.st-key-studio_face){position:sticky;top:3.75rem;z-index:6;width:100%;
    backdrop-filter:blur(18px);padding:.4rem 0}
  .st-key-studio_face{align-items:center}
  .st-key-studio_face img{max-width:44vw!important}
  .st-key-studio_steps{grid-template-columns:repeat(4,1fr);gap:.3rem!important;max-width:none}
  .st-key-quiz_faces [data-testid="stHorizontalBlock"]{flex-wrap:nowrap;gap:.6rem}
  .st-key-quiz_faces [data-testid="stColumn"]{min-width:0}
}
.st-key-quiz_faces img{border-radius:.6rem}
.fbn-vs{display:grid;grid-template-columns:2.6rem minmax(5.5rem,8.4rem) minmax(3.6rem,1fr) 2.2rem 2.2rem .8rem;
  column-gap:.45rem;align-items:center;font-size:.84rem;line-height:1.7}
.fbn-vs>div{display:contents}
.fbn-vs .fbn-track{overflow:visible}
.fbn-vs .fbn-code{min-width:0}
.fbn-vs .fbn-mark{position:absolute;top:50%;width:.62rem;height:.62rem;margin-left:-.31rem;background:currentColor;
  transform:translateY(-50%) rotate(45deg);border-radius:.1rem}
.fbn-vs .fbn-num{text-align:right;font-variant-numeric:tabular-nums}
.fbn-vs .fbn-top span{font-weight:650}
.fbn-vs .fbn-off .fbn-num,.fbn-vs .fbn-off .fbn-name,.fbn-vs .fbn-off .fbn-sign{opacity:.72}
.fbn-vs .fbn-headrow{font-size:.78rem}
.fbn-vs .fbn-headrow span{opacity:.78}
.fbn-legend{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;font-size:.78rem;margin-top:.5rem}
.fbn-legend span{opacity:.85;white-space:nowrap}
.fbn-legend .fbn-mark,.fbn-legend .fbn-bar{display:inline-block;opacity:1;margin-right:.4rem;vertical-align:middle}
.fbn-legend .fbn-mark{width:.55rem;height:.55rem;background:currentColor;transform:rotate(45deg);border-radius:.1rem}
.fbn-legend .fbn-bar{width:1.3rem;height:.55rem;background:ACCENT;border-radius:.28rem}
</style>""".replace("ACCENT", ACCENT)

_LEGEND = (
    '<div class="fbn-legend" aria-hidden="true"><span><i class="fbn-mark"></i>drawn: intensity</span>'
    '<span><i class="fbn-bar"></i>read: probability</span><span>line: 0.5, there from here on</span>'
    "<span><b>≠</b> they part</span></div>"
)


def agreement(drawn: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Return whether both values reach 0.5 or neither does, [17] bool; ``drawn``, ``read``: [17] in [0, 1]."""
    return (drawn >= DECISION) == (read >= DECISION)


def compared(drawn: np.ndarray, read: np.ndarray) -> str:
    """Return the number of AUs on which both agree, and the largest difference among the others, as Markdown."""
    same = agreement(drawn, read)
    if same.all():
        return f"Both agree on all {len(ACTION_UNITS)} action units."
    worst = int(np.argmax(np.where(same, -1.0, np.abs(drawn - read))))
    unit = ACTION_UNITS[worst]
    return (
        f"Both agree on {int(same.sum())} of {len(ACTION_UNITS)}. They part most at **{unit.short} {unit.name}**: "
        f"drawn {drawn[worst]:.2f}, read {read[worst]:.2f}."
    )


def comparison(drawn: np.ndarray, read: np.ndarray) -> str:
    """Return a row for each AU in FACS order: a bar for ``read``, a diamond for ``drawn``; both [17] in [0, 1]."""
    rows = []
    for unit, truth, value, same in zip(ACTION_UNITS, drawn, read, agreement(drawn, read), strict=True):
        style = "" if same else " fbn-top"
        if same and truth < DECISION:
            style = " fbn-off"
        verdict = "they agree" if same else "they part"
        tip = f"{au_tooltip(unit)} Drawn {truth:.2f}, read {value:.2f}: {verdict}."
        shade = 1 if value >= DECISION else 0.5
        rows.append(
            f'<div class="fbn-vsrow{style}" role="listitem" aria-label="{escape(tip)}">'
            f'<span class="fbn-code" title="{escape(tip)}">{unit.short}</span>'
            f'<span class="fbn-name" title="{escape(tip)}">{escape(unit.name)}</span>'
            f'<span class="fbn-track" title="{escape(tip)}">'
            f'<span class="fbn-fill" style="width:{100 * value:.1f}%;background:{ACCENT};opacity:{shade}"></span>'
            f'<span class="fbn-half"></span><span class="fbn-mark" style="left:{100 * truth:.1f}%"></span></span>'
            f'<span class="fbn-num">{truth:.2f}</span><span class="fbn-num">{value:.2f}</span>'
            f'<span class="fbn-sign">{"=" if same else "≠"}</span></div>'
        )
    head = (
        '<div class="fbn-headrow"><span></span><span></span><span></span><span class="fbn-num">drawn</span>'
        '<span class="fbn-num">read</span><span></span></div>'
    )
    return f'<div class="fbn-vs fbn-help" role="list" aria-label="Drawn and read">{head}{"".join(rows)}</div>{_LEGEND}'

"""The Relatedness page's drawings beside the heatmap, as HTML: who shares an AU, what signs mean; and its layout."""

from collections.abc import Sequence
from html import escape

from fbn.ui.palette import ACCENT
from fbn.ui.relatedness.draft import brief, spoken
from fbn.vocabulary import ActionUnit

STYLE = """<style>
.st-key-relatedness_face img{border-radius:.6rem}
.st-key-relatedness_face [data-testid="stHorizontalBlock"]{flex-wrap:nowrap}
.st-key-relatedness_face [data-testid="stColumn"]{min-width:0}
.fbn-drawn{font-size:.84rem;line-height:1.6}
.fbn-cell{line-height:1.35}
.fbn-cell b{font-size:1.12rem}
.fbn-cell div{font-size:.84rem;opacity:.75;margin-top:.15rem}
.fbn-share{display:grid;grid-template-columns:minmax(7rem,10rem) 1fr 2.2rem;gap:.15rem .6rem;align-items:center;
  font-size:.84rem}
.fbn-share .fbn-bar{position:relative;height:.7rem;border-radius:3px;box-sizing:border-box}
.fbn-share .fbn-one{background:ACCENT}
.fbn-share .fbn-part{border:1px dashed ACCENT;background:color-mix(in srgb,ACCENT 34%,transparent)}
.fbn-share .fbn-here{font-weight:650}
.fbn-share .fbn-num{text-align:right;font-variant-numeric:tabular-nums}
.fbn-signs{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;font-size:.8rem;align-items:center}
.fbn-signs span{display:inline-flex;align-items:center;gap:.45rem}
.fbn-signs i{display:inline-flex;align-items:center;justify-content:center;width:1.7rem;height:1.15rem;
  font-style:normal;font-size:.74rem;border-radius:3px;box-sizing:border-box}
.fbn-signs .fbn-one{background:light-dark(#4650c8,#8f97f5);color:light-dark(#fff,#12151d);font-weight:700}
.fbn-signs .fbn-part{border:1px dashed ACCENT;
  background:linear-gradient(to top,color-mix(in srgb,ACCENT 34%,transparent) 55%,transparent 0)}
.fbn-signs .fbn-was{width:.5rem;height:.5rem;border-radius:50%;background:#E69F00}
.fbn-signs .fbn-noted{width:0;height:0;border:.3rem solid transparent;border-top-color:currentColor;
  border-right-color:currentColor}
.fbn-signs .fbn-plus{border:1.5px solid #009E73;background:color-mix(in srgb,#009E73 34%,transparent)}
.fbn-signs .fbn-up{background:color-mix(in srgb,#009E73 34%,transparent)}
.fbn-signs .fbn-minus{border:1.5px solid #D55E00;background:color-mix(in srgb,#D55E00 34%,transparent)}
.fbn-signs .fbn-both{background:color-mix(in srgb,#009E73 34%,transparent)}
.fbn-signs .fbn-apart,.fbn-signs .fbn-first,.fbn-signs .fbn-second{
  background:color-mix(in srgb,#E69F00 34%,transparent)}
.fbn-signs .fbn-thin{opacity:.7}
.fbn-signs .fbn-down{background:color-mix(in srgb,#D55E00 34%,transparent)}
@media (max-width:640px){
  .st-key-rel-undo p,.st-key-rel-redo p{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
}
</style>""".replace("ACCENT", ACCENT)

#: What the signs of a comparison mean.
CHANGE_SIGNS = (
    '<div class="fbn-signs"><span><i class="fbn-plus">+.55</i>added</span>'
    '<span><i class="fbn-minus">−</i>removed</span><span><i class="fbn-up">↑.80</i>more</span>'
    '<span><i class="fbn-down">↓.30</i>less</span></div>'
)

#: What the signs of counted images mean.
FINDING_SIGNS = (
    '<div class="fbn-signs"><span><i class="fbn-part">.55</i>rate seen</span>'
    '<span><i class="fbn-up">↑.65</i>more often than the table says</span>'
    '<span><i class="fbn-down">↓.02</i>less often</span><span><i>·</i>too few images</span></div>'
)


def signs(base: str) -> str:
    """What the heatmap's signs mean, where it is compared with ``base``."""
    return (
        '<div class="fbn-signs"><span><i class="fbn-one">1</i>prototypical: everybody showed it</span>'
        '<span><i class="fbn-part">.55</i>observational: the share that showed it</span>'
        f'<span><i class="fbn-was"></i>differs from {escape(base)}</span>'
        '<span><i class="fbn-noted"></i>has a note</span></div>'
    )


def agreement_signs(first: str, second: str) -> str:
    """What the signs of two tables side by side mean."""
    signs = {
        "both": ("=", "in both"),
        "apart": ("≠", "in both, weights more than .3 apart"),
        "first": ("◧", f"in {escape(first)} only"),
        "second": ("◨", f"in {escape(second)} only"),
        "thin": ("?", "an AU that the other never names"),
    }
    spans = (f'<span><i class="fbn-{kind}">{sign}</i>{words}</span>' for kind, (sign, words) in signs.items())
    return f'<div class="fbn-signs">{"".join(spans)}</div>'


def share_bars(shares: Sequence[tuple[str, float]], here: str) -> str:
    """A bar for each category that has the AU: solid for prototypical, dashed for observational; ``here`` in bold."""
    rows = []
    for category, weight in shares:
        name = f'<span class="{"fbn-here" if category == here else ""}">{escape(category.capitalize())}</span>'
        kind = "fbn-one" if weight == 1 else "fbn-part"
        bar = f'<div class="fbn-bar {kind}" style="width:{100 * weight:.0f}%"></div>'
        tip = f"{category}: {spoken(weight)}"
        rows.append(f'{name}<div title="{escape(tip)}">{bar}</div><span class="fbn-num">{brief(weight)}</span>')
    return f'<div class="fbn-share">{"".join(rows)}</div>'


def drawn_units(units: Sequence[ActionUnit]) -> str:
    """The AUs that a face shows, one in a line."""
    lines = "".join(f"<div><b>{unit.short}</b> {escape(unit.name)}</div>" for unit in units)
    return f'<div class="fbn-drawn">{lines or "A face at rest."}</div>'

"""Compound expressions as HTML text: bars of the likeliest, and a table of what their scores are made of."""

from collections.abc import Sequence
from html import escape

from fbn.inference.breakdown import Share
from fbn.ui.palette import ACCENT, EXPRESSION_COLOURS

#: Rows that are always seen; the table folds the others away.
TOP = 3
_NONE_COLOUR = "color-mix(in srgb,currentColor 45%,transparent)"
_TERMS = (("Action units", "#6C76EA"), ("Expressions", "#E69F00"), ("Valence", "#009E73"), ("Learnt", "#CC79A7"))

STYLE = """<style>
.fbn-compounds .fbn-row{grid-template-columns:minmax(8.5rem,11.5rem) 1fr 2.7rem}
.fbn-compounds .fbn-none{opacity:.85}
.fbn-compounds .fbn-none:not(.fbn-top) .fbn-name{font-style:italic}
.fbn-terms{width:100%;table-layout:fixed;border-collapse:separate;border-spacing:0;font-size:.8rem;line-height:1.5;
  font-variant-numeric:tabular-nums}
.fbn-terms col:not(:first-child){width:2.9rem}
.fbn-terms col:nth-child(3){width:4rem}
.fbn-terms th{font-size:.72rem;font-weight:500;line-height:1.2;text-align:right;vertical-align:bottom;
  padding:.1rem .35rem .15rem 0;border-right:.2rem solid transparent;opacity:.85}
.fbn-terms th i{display:block;height:.28rem;border-radius:.14rem;margin:.2rem -.35rem 0 0}
.fbn-terms td{text-align:right;padding:.12rem .35rem .12rem 0;background-clip:padding-box;
  border-right:.2rem solid transparent;border-top:1px solid color-mix(in srgb,currentColor 12%,transparent)}
.fbn-terms :is(th,td):first-child{text-align:left}
.fbn-terms :is(th,td):last-child{border-right:0;padding-right:0;white-space:nowrap}
.fbn-terms .fbn-guess{opacity:.7}
@media(max-width:480px){.fbn-terms :is(col,th,td):last-child{display:none}}
.fbn-more{margin-top:.5rem}
.fbn-more summary{cursor:pointer;font-size:.8rem;opacity:.8}
</style>"""


def bars(shares: Sequence[Share]) -> str:
    """The three likeliest classes, then none of them, 0 to 100 %, the likeliest of all in bold.

    A bar has the colours of the two expressions that its class is made of. Always as many rows, so that nothing jumps
    beside a video.

    Args:
        shares: as ``breakdown`` gives them.
    """
    likeliest = max(shares, key=lambda share: share.probability)
    shown = [*[s for s in shares if not s.none][:TOP], *[s for s in shares if s.none]]
    rows = [_bar(share, " fbn-top" if share is likeliest else "") for share in shown]
    return f'<div class="fbn-compounds fbn-help" role="list" aria-label="Compound expressions">{"".join(rows)}</div>'


def _bar(share: Share, style: str) -> str:
    width = 100 * min(max(share.probability, 0.0), 1.0)
    return (
        f'<div class="fbn-row{style}{" fbn-none" if share.none else ""}" role="listitem" title="{_sum(share)}">'
        f'<span class="fbn-name">{escape(share.words)}</span>'
        f'<span class="fbn-track"><span class="fbn-fill" style="width:{width:.1f}%;background:{_colour(share)}"></span>'
        f'</span><span class="fbn-value">{width:.0f} %</span></div>'
    )


def _colour(share: Share) -> str:
    if share.none:
        return _NONE_COLOUR
    colours = [EXPRESSION_COLOURS[part] for part in share.parts] or [ACCENT]
    return colours[0] if len(colours) == 1 else f"linear-gradient(90deg,{colours[0]} 50%,{colours[1]} 50%)"


def _sum(share: Share) -> str:
    """The score as a sum in words."""
    learnt = f" {'+' if share.learnt >= 0 else '−'} learnt {abs(share.learnt):.2f}" if share.learnt else ""
    return escape(
        f"{share.words}: action units {share.action_units:.2f} + expressions {share.expressions:.2f} "
        f"+ valence {share.valence:.0f}{learnt} = {share.total:.2f}"
    )


def terms_table(shares: Sequence[Share]) -> str:
    """Every class with its terms, their sum and its probability; those after the third are folded away.

    Args:
        shares: as ``breakdown`` gives them.
    """
    learnt = any(share.learnt for share in shares)
    columns = _TERMS if learnt else _TERMS[:3]
    head = "".join(f'<th>{name}<i style="background:{colour}"></i></th>' for name, colour in columns)
    head = f"<tr><th></th>{head}<th>Score</th><th>Share</th></tr>"
    none = "".join(_terms(share, learnt) for share in shares if share.none)
    own = [_terms(share, learnt) for share in shares if not share.none]
    table = f'<table class="fbn-terms"><colgroup>{"<col>" * (len(columns) + 3)}</colgroup>{{}}</table>'
    html = table.format(head + "".join(own[:TOP]) + none)
    if len(own) <= TOP:
        return html
    rest = table.format("".join(own[TOP:]))
    return f'{html}<details class="fbn-more"><summary>The other {len(own) - TOP} classes</summary>{rest}</details>'


def _terms(share: Share, learnt: bool) -> str:
    values = (share.action_units, share.expressions, share.valence, share.learnt)
    cells = [_cell(value, colour) for value, (_, colour) in zip(values, _TERMS, strict=True)][: 3 + learnt]
    guess = "" if share.parts else ' class="fbn-guess" title="Its name says nothing of expressions: the others\' mean."'
    return (
        f"<tr{guess}><td>{escape(share.words)}</td>{''.join(cells)}<td>{share.total:.2f}</td>"
        f"<td>{100 * share.probability:.0f} %</td></tr>"
    )


def _cell(value: float, colour: str) -> str:
    """A number on a bar of its own size; below 0 without."""
    width = 100 * min(max(value, 0.0), 1.0)
    shade = f"color-mix(in srgb,{colour} 38%,transparent)"
    number = f"{value:.2f}".replace("-", "−")
    return f'<td style="background-image:linear-gradient(90deg,{shade} {width:.0f}%,transparent 0)">{number}</td>'

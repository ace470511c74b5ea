"""The Study page's drawings as HTML: the claims, rows by figures, directions beside the papers'."""

from collections.abc import Mapping, Sequence
from html import escape

from fbn.studies.answer import FAILS, HOLDS, PARTLY, Claim, Finding
from fbn.studies.papers import HERE, PAPERS
from fbn.studies.read import Studied
from fbn.studies.records import TASKS, Figure, Key
from fbn.studies.words import METRICS, SIDES, Verdict, interval, key_name, row_name, set_name, signed, verdict
from fbn.ui.palette import ACCENT, SECOND
from fbn.ui.study.charts import LOOKS

_BLUE, _RED = LOOKS[Verdict.BETTER][0], LOOKS[Verdict.WORSE][0]
STYLE = (
    """<style>
.fbn-claims{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(19rem,100%),1fr));gap:.9rem;margin:.4rem 0}
.fbn-claims article{border:1px solid color-mix(in srgb,currentColor 18%,transparent);border-radius:.6rem;
  padding:.8rem 1rem .9rem;border-top:4px solid var(--verdict)}
.fbn-claims header{font-size:.82rem;font-weight:650;display:flex;gap:.4rem;align-items:center}
.fbn-claims h4{font-size:1rem;font-weight:650;line-height:1.35;margin:.35rem 0 .55rem;padding:0}
.fbn-claims p{font-size:.84rem;line-height:1.45;margin:.3rem 0}
.fbn-claims p b{font-weight:650}
.fbn-claims .fbn-theirs{opacity:.75;margin-bottom:.6rem}
.fbn-claims ul{list-style:none;margin:.1rem 0 .55rem;padding:0;display:flex;flex-wrap:wrap;gap:.3rem}
.fbn-claims li{font-size:.8rem;line-height:1.35;margin:0;padding:.12rem .5rem;border-radius:.35rem;cursor:help;
  background:color-mix(in srgb,var(--verdict) 20%,transparent)}
.fbn-signs{display:flex;flex-wrap:wrap;align-items:baseline;gap:.2rem 1.2rem;font-size:.8rem}
.fbn-signs span{opacity:1}
.fbn-signs b{font-size:1rem}
.fbn-firsts{display:flex;flex-wrap:wrap;gap:.8rem 2.6rem;margin:.3rem 0 .2rem}
.fbn-firsts div{line-height:1.25}
.fbn-firsts b{display:block;font-size:2rem;font-weight:700;font-variant-numeric:tabular-nums}
.fbn-firsts span{display:block;font-size:.8rem;opacity:.8}
.fbn-rows{overflow-x:auto;padding-bottom:.4rem}
.fbn-rows table{border-collapse:separate;border-spacing:3px;font-size:.8rem;line-height:1.2;
  font-variant-numeric:tabular-nums}
.fbn-rows th{font-weight:500;text-align:left;padding:0 .6rem 0 0;border:0;position:sticky;left:0;z-index:1;
  background:light-dark(#fff,#12151d);max-width:11rem}
.fbn-rows thead th{position:static;text-align:center;vertical-align:bottom;padding:0 .2rem .3rem;font-weight:400;
  min-width:4.9rem}
.fbn-rows thead th b{display:block;font-weight:650}
.fbn-rows thead th span{display:block;opacity:.75}
.fbn-rows td{min-width:4.9rem;text-align:center;border:0;border-radius:.3rem;padding:.3rem .2rem;cursor:help;
  background:color-mix(in srgb,var(--verdict,currentColor) var(--share,4%),transparent)}
.fbn-rows td b{font-weight:600}
.fbn-rows td small{opacity:.75;font-size:.72rem}
.fbn-rows td span{display:block;font-size:.74rem;white-space:nowrap}
.fbn-rows td.fbn-gap{background:none;cursor:default}
.fbn-ways{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums;width:100%;max-width:44rem}
.fbn-ways th,.fbn-ways td{text-align:left;font-weight:400;padding:.4rem .8rem .4rem 0;border:0;
  border-bottom:1px solid color-mix(in srgb,currentColor 14%,transparent)}
.fbn-ways thead th{opacity:.75;font-size:.8rem}
.fbn-ways td.fbn-own{font-weight:650;background:color-mix(in srgb,ACCENT 12%,transparent);padding-left:.6rem}
</style>"""
).replace("ACCENT", ACCENT)
_CLAIMS = {HOLDS: ("✓", _BLUE), PARTLY: ("◐", SECOND), FAILS: ("✕", _RED)}
_COLOURS = {Verdict.BETTER: _BLUE, Verdict.WORSE: _RED}
_GRAY = LOOKS[Verdict.OPEN][0]
#: So many names are written out.
_FEW = 3
#: How strongly a cell is tinted where its difference is beyond chance.
_TINT = 30


def claims(found: Sequence[Claim]) -> str:
    """The papers' claims as cards: the verdict, the claim, what the papers found, what was found here."""
    return f'<div class="fbn-claims">{"".join(_claim(n, claim) for n, claim in enumerate(found, 1))}</div>'


def _claim(number: int, claim: Claim) -> str:
    sign, colour = _CLAIMS.get(claim.verdict, ("?", _GRAY))
    here = "".join(map(_finding, claim.here)) + (f"<p>{escape(claim.note)}</p>" if claim.note else "")
    return (
        f'<article style="--verdict:{colour}">'
        f"<header><span>{sign}</span>Claim {number} {escape(claim.verdict)}</header>"
        f'<h4>{escape(claim.words)}</h4><p class="fbn-theirs"><b>Papers:</b> {escape(claim.papers)}</p>{here}</article>'
    )


def _finding(found: Finding) -> str:
    """A subject and how many figures fell on each side; their names where they are few, else on pointing."""
    chips = []
    for each, names in found.figures.items():
        if names:
            look = f"--verdict:{_COLOURS.get(each, _GRAY)}"
            named = f": {', '.join(names)}" if len(names) <= _FEW and each is not Verdict.OPEN else ""
            tip = f"{each}: {', '.join(names)}"
            chips.append(
                f'<li style="{look}" title="{escape(tip)}">{each.mark} {each} on {len(names)}{escape(named)}</li>'
            )
    return f"<p>{escape(found.subject)}</p><ul>{''.join(chips)}</ul>"


def legend(marks: Sequence[str] = (), seeds: bool = True) -> str:
    """What the signs of a forest plot mean; ``marks``: the further ones', in their order; ``seeds``: it has ticks."""
    parts = [f'<span><b style="color:{_COLOURS.get(each, _GRAY)}">{each.mark}</b> {each}</span>' for each in Verdict]
    parts += [
        f'<span><b style="color:{colour}">{sign}</b> {escape(name)}</span>'
        for name, (sign, colour) in zip(marks, (("◇", ACCENT), ("□", SECOND)), strict=False)
    ]
    drawn = "bars: 95 % intervals" + (", ticks: single seeds" if seeds and not marks else "")
    return f'<div class="fbn-signs">{"".join(parts)}<span>{drawn}</span></div>'


def firsts(found: Sequence[tuple[str, str, str]]) -> str:
    """Large figures in a row: what it is, the figure, its interval."""
    blocks = "".join(
        f"<div><span>{escape(name)}</span><b>{escape(value)}</b><span>{escape(spread)}</span></div>"
        for name, value, spread in found
    )
    return f'<div class="fbn-firsts">{blocks}</div>'


def rows(studied: Studied, names: Sequence[str], keys: Sequence[Key], side: str) -> str:
    """Rows by figures: mean, standard deviation over seeds, difference; tinted where the difference is beyond chance.

    Args:
        studied: the study.
        names: of rows.
        keys: of figures.
        side: key of ``SIDES``: what differences are told against.
    """
    head = "".join(
        f'<th scope="col" title="{escape(key_name(studied, key))}"><b>{escape(set_name(key[0]))}</b>'
        f"<span>{escape(METRICS[key[1]])}{', filtered' if key[2] else ''}</span>"
        f"<span>{'' if studied.trained_on(key[0]) else 'unseen'}&nbsp;</span></th>"
        for key in keys
    )
    body = []
    for name in names:
        cells = "".join(_cell(studied.by_place.get((name, key)), side) for key in keys)
        words = escape(studied.rows[name].words)
        body.append(f'<tr><th scope="row" title="{words}">{escape(row_name(name))}</th>{cells}</tr>')
    return (
        '<div class="fbn-rows" tabindex="0"><table aria-label="Rows by figures">'
        f"<thead><tr><th></th>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(figure: Figure | None, side: str) -> str:
    if figure is None:
        return '<td class="fbn-gap"></td>'
    spread = "" if figure.sd is None else f" <small>±{figure.sd:.3f}</small>"
    tip = f"mean of {figure.seeds} seeds; chance {figure.chance:.3f}"
    style, moved = "", "&nbsp;"
    difference = getattr(figure, side)
    if difference is not None:
        found = verdict(difference)
        moved = f"{found.mark} {signed(difference.difference)}"
        tip += f"; against {SIDES[side]} {interval(difference)}: {found}"
        if found in _COLOURS:
            style = f' style="--verdict:{_COLOURS[found]};--share:{_TINT}%"'
    return f'<td{style} title="{escape(tip)}"><b>{figure.mean:.3f}</b>{spread}<span>{moved}</span></td>'


def directions(counts: Mapping[str, Mapping[str, tuple[int, int, int]]]) -> str:
    """Task by task on how many figures it goes up, down or neither, in each paper and here."""
    body = []
    for task, sources in counts.items():
        cells = []
        for source in (*PAPERS, HERE):
            told = [f"{each.mark} {count}" for each, count in zip(Verdict, sources[source], strict=True) if count] or [
                "–"
            ]
            cells.append(f"<td{' class=fbn-own' if source == HERE else ''}>{' &ensp; '.join(told)}</td>")
        body.append(f'<tr><th scope="row">{TASKS[task]}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">Paper {paper}</th>' for paper in PAPERS)
    return (
        '<table class="fbn-ways" aria-label="Directions">'
        f'<thead><tr><th></th>{head}<th scope="col">Here</th></tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )

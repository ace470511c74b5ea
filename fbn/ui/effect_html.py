"""The effect panel's HTML: predicted against implied probabilities of each AU and expression; lists of conflicts."""

from collections.abc import Sequence
from html import escape

from fbn.inference.conflicts import Conflict
from fbn.inference.effect import Comparison, Effect
from fbn.losses.coupling import MatchingForm
from fbn.ui.palette import ACCENT, EXPRESSION_COLOURS, SECOND
from fbn.vocabulary import ACTION_UNITS, EXPRESSIONS

STYLE = """<style>
.fbn-eff{display:grid;grid-template-columns:2.7rem minmax(0,9.5rem) minmax(3.2rem,1fr) 2.3rem 2.3rem 5.2rem 1rem;
  column-gap:.5rem;align-items:center;font-size:.84rem;line-height:1.75}
.fbn-eff.fbn-short{grid-template-columns:5.6rem minmax(3.2rem,1fr) 2.3rem 2.3rem}
.fbn-eff>div{display:contents}
.fbn-eff .fbn-track{overflow:visible}
.fbn-eff .fbn-code{min-width:0}
.fbn-eff .fbn-num{text-align:right;font-variant-numeric:tabular-nums}
.fbn-eff .fbn-headrow span{font-size:.78rem;opacity:.8}
.fbn-eff .fbn-off span{opacity:.5}
.fbn-eff .fbn-at span{font-weight:650}
.fbn-eff .fbn-q{position:absolute;top:50%;width:.66rem;height:.66rem;margin-left:-.33rem;background:currentColor;
  transform:translateY(-50%) rotate(45deg);border-radius:.1rem}
.fbn-eff .fbn-q.fbn-was{background:none;border:1.5px solid currentColor;box-sizing:border-box;opacity:.75}
.fbn-eff .fbn-part{display:grid;grid-template-columns:1fr 2rem;column-gap:.35rem;align-items:center;text-align:right;
  font-variant-numeric:tabular-nums}
.fbn-eff .fbn-part i{justify-self:end;height:.62rem;border-radius:.2rem;
  background:color-mix(in srgb,SECOND 45%,transparent)}
.fbn-eff .fbn-sign{text-align:center}
.fbn-keys{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;font-size:.78rem;margin:.5rem 0 0}
.fbn-keys span{opacity:.85}
.fbn-keys i{display:inline-block;margin-right:.4rem;vertical-align:middle}
.fbn-keys .fbn-k-bar{width:1.3rem;height:.55rem;background:ACCENT;border-radius:.28rem}
.fbn-keys .fbn-k-q,.fbn-keys .fbn-k-was{width:.58rem;height:.58rem;background:currentColor;transform:rotate(45deg);
  border-radius:.1rem}
.fbn-keys .fbn-k-was{background:none;border:1.5px solid currentColor;box-sizing:border-box}
.fbn-keys .fbn-k-part{width:1.3rem;height:.55rem;background:color-mix(in srgb,SECOND 45%,transparent);
  border-radius:.2rem}
.fbn-cons{list-style:none;margin:0!important;padding:0!important;font-size:.9rem;line-height:1.45}
.fbn-cons li{margin:0;display:grid;grid-template-columns:1.3rem 1fr;gap:.4rem;padding:.28rem .1rem;
  border-bottom:1px solid color-mix(in srgb,currentColor 12%,transparent)}
.fbn-cons li:last-child{border:0}
.fbn-cons b{font-weight:700;text-align:center}
.fbn-cons small{display:block;opacity:.72;font-size:.78rem}
[class*=written_out] .katex{font-size:1.05em}
[class*=written_out] .katex-display{padding:.45em 0}
@media (max-width:640px){
  [class*=written_out] .katex{font-size:.82em}
  .fbn-eff:not(.fbn-short){grid-template-columns:2.5rem minmax(3.2rem,1fr) 2.1rem 2.1rem 4.2rem .9rem;column-gap:.4rem}
  .fbn-eff:not(.fbn-short) .fbn-name{display:none}
}
</style>""".replace("ACCENT", ACCENT).replace("SECOND", SECOND)

#: Sign and name of each kind of conflict.
KINDS = {
    "missing": ("−", "implied, not seen"),
    "unexplained": ("+", "seen, not implied"),
    "unnamed": ("?", "its AUs are seen, the expression is not"),
}


def action_units(effect: Effect, form: MatchingForm, before: Effect | None = None, against: str = "") -> str:
    """Return a row for each AU: p as a bar, q as a diamond (hollow: of ``before``), its loss, the gradient's sign on p.

    Args:
        effect: effect of the table.
        form: form of the distribution-matching loss.
        before: effect of the table to compare with.
        against: that table's name; "" if it is the table before the edit.
    """
    parts, pull = effect.matching[form], effect.pull[form]
    max_part = max(float(parts.max()), 1e-9)
    conflicting = {conflict.subject for conflict in effect.conflicts}
    rows = [_row("fbn-headrow", "AU", "fbn-code", "", "", "p", "q", '<span class="fbn-num">loss</span>', "", "")]
    for i, unit in enumerate(ACTION_UNITS):
        p, q, on = float(effect.action_units[i]), float(effect.mixture[i]), bool(effect.support[i])
        was = "" if before is None or not before.support[i] else _diamond(float(before.mixture[i]), "fbn-q fbn-was")
        track = _track(p, ACCENT, was + (_diamond(q, "fbn-q") if on else ""))
        width = 100 * max(float(parts[i]), 0.0) / max_part
        number = f"{max(float(parts[i]), 0.0):.2f}"
        part = f'<span class="fbn-part"><i style="width:{width:.0f}%"></i>{number}</span>' if on else _DASH
        sign = "" if not on or abs(float(pull[i])) < 0.01 else "▲" if pull[i] > 0 else "▼"
        wants = {"▲": "the loss wants it higher", "▼": "the loss wants it lower"}.get(sign, "no pull worth speaking of")
        implied = (
            f"implied {q:.2f}, part of the loss {float(parts[i]):.3f}; {wants}" if on else "the table is silent on it"
        )
        style = f"{'' if on else 'fbn-off'} {'fbn-at' if unit.short in conflicting else ''}"
        tip = f"{unit.short} {unit.name} ({unit.muscle}): seen {p:.2f}, {implied}."
        rows.append(
            _row(
                style,
                unit.short,
                "fbn-code",
                unit.name,
                track,
                f"{p:.2f}",
                f"{q:.2f}" if on else "–",
                part,
                sign,
                tip,
            )
        )
    return (
        f'<div class="fbn-eff fbn-help" role="list" aria-label="Seen and implied, by AU">{"".join(rows)}</div>'
        + _keys(before is not None, True, against)
    )


def expressions(effect: Effect, before: Effect | None = None, against: str = "") -> str:
    """Return a row for each expression: p(e|x) as a bar, the soft label q(e|x) as a diamond (hollow: of ``before``)."""
    rows = ['<div class="fbn-headrow"><span>Expression</span><span></span>' + _numbers("p", "q") + "</div>"]
    for i, name in enumerate(EXPRESSIONS):
        p, q = float(effect.expression[i]), float(effect.soft_label[i])
        was = "" if before is None else _diamond(float(before.soft_label[i]), "fbn-q fbn-was")
        track = _track(p, EXPRESSION_COLOURS[name], was + _diamond(q, "fbn-q"))
        style = "fbn-at" if i == int(effect.expression.argmax()) else ""
        tip = f"{name.value}: read {p:.2f}; soft label {q:.2f}"
        label = f"<span>{name.value.capitalize()}</span>"
        rows.append(
            f'<div class="{style}" role="listitem" title="{tip}">{label}{track}{_numbers(f"{p:.2f}", f"{q:.2f}")}</div>'
        )
    return f'<div class="fbn-eff fbn-short" role="list" aria-label="Read and soft label">{"".join(rows)}</div>' + _keys(
        before is not None, False, against
    )


def conflicts(items: Sequence[Conflict], max_shown: int = 8) -> str:
    """Return a list of conflicts, a sentence each; of more than ``max_shown`` the first ones, with the largest gaps."""
    rows = [_conflict(conflict, KINDS[conflict.kind][1]) for conflict in items[:max_shown]]
    if len(items) > max_shown:
        rows.append(f"<li><b>…</b><span>and {len(items) - max_shown} narrower ones</span></li>")
    return f'<ul class="fbn-cons" aria-label="Conflicts">{"".join(rows)}</ul>'


def changed_conflicts(comparison: Comparison, against: str = "") -> str:
    """Return a list of the conflicts that only one of two tables has; ``against`` as in ``action_units``."""
    settled, new = (f"only with {against}", f"not with {against}") if against else _BY_THE_EDIT
    rows = [_conflict(conflict, escape(settled)) for conflict in comparison.settled]
    rows += [_conflict(conflict, escape(new)) for conflict in comparison.new]
    return f'<ul class="fbn-cons" aria-label="Conflicts that change">{"".join(rows)}</ul>'


def _conflict(conflict: Conflict, remark: str) -> str:
    sign, _ = KINDS[conflict.kind]
    return f"<li><b>{sign}</b><span>{escape(conflict.description)}<small>{remark}</small></span></li>"


_BY_THE_EDIT = ("settled by the edit", "new with the edit")
_DASH = '<span class="fbn-num">–</span>'


def _row(
    style: str, code: str, code_style: str, name: str, track: str, p: str, q: str, part: str, sign: str, tip: str
) -> str:
    title = f' title="{escape(tip)}" role="listitem"' if tip else ""
    return (
        f'<div class="{style.strip()}"{title}><span class="{code_style}">{code}</span>'
        f'<span class="fbn-name">{escape(name)}</span>{track or "<span></span>"}{_numbers(p, q)}{part}'
        f'<span class="fbn-sign">{sign}</span></div>'
    )


def _numbers(*values: str) -> str:
    return "".join(f'<span class="fbn-num">{value}</span>' for value in values)


def _track(value: float, colour: str, marks: str) -> str:
    width = 100 * min(max(value, 0.0), 1.0)
    fill = f'<span class="fbn-fill" style="width:{width:.1f}%;background:{colour}"></span>'
    return f'<span class="fbn-track">{fill}{marks}</span>'


def _diamond(value: float, style: str) -> str:
    return f'<span class="{style}" style="left:{100 * min(max(value, 0.0), 1.0):.1f}%"></span>'


def _keys(compared: bool, units: bool, against: str) -> str:
    bar = "<i class='fbn-k-bar'></i>" if units else ""
    parts = [f"<span>{bar}{'p: seen' if units else 'bar p: read'}</span>"]
    parts.append(
        f"<span><i class='fbn-k-q'></i>q: {'implied by the expressions' if units else 'said by the AUs'}</span>"
    )
    if compared:
        by = f"by {escape(against)}" if against else "before the edit"
        parts.append(f"<span><i class='fbn-k-was'></i>q {by}</span>")
    if units:
        parts.append("<span><i class='fbn-k-part'></i>part of the loss</span><span>▲▼ where the loss pulls p</span>")
    return f'<div class="fbn-keys" aria-hidden="true">{"".join(parts)}</div>'

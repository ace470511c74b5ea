"""The coupling losses of one face as formulas with numbers, in plain text and LaTeX.

The final value is computed by the loss function (``fbn.inference.effect``); the numbers before it are rounded.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fbn.inference.effect import Effect
from fbn.losses.coupling import MatchingForm, SoftForm
from fbn.vocabulary import ACTION_UNITS, AU_INDEX, EXPRESSION_INDEX, EXPRESSIONS, Expression

#: LaTeX of one AU's term in each form of distribution matching.
MATCHING: dict[MatchingForm, str] = {
    "kl": "p \\ln\\frac{p}{q} + (1-p) \\ln\\frac{1-p}{1-q}",
    "printed": "-p \\ln q",
    "cross_entropy": "-[\\,p \\ln q + (1-p) \\ln(1-q)\\,]",
    "soft_target": "-[\\,q \\ln p + (1-q) \\ln(1-p)\\,]",
}


@dataclass(frozen=True)
class Formula:
    """One formula, symbolic and with numbers.

    Attributes:
        title: short title.
        symbols: LaTeX of the formula, in the papers' notation.
        numbers: LaTeX with the face's numbers, followed by the value.
        text: the same as one line of plain text.
        value: the value, not rounded.
    """

    title: str
    symbols: str
    numbers: str
    text: str
    value: float


def mixture(effect: Effect, number: int) -> Formula:
    """Format q(a|x) of one AU as a mixture of expressions."""
    column = effect.table.matrix(binary=effect.settings.binary, min_weight=effect.settings.min_weight)[
        :, AU_INDEX[number]
    ]
    value = float(effect.mixture[AU_INDEX[number]])
    parts = [(e.value, float(p), float(r)) for e, p, r in zip(EXPRESSIONS, effect.expression, column, strict=True) if r]
    count = "\\frac{1}{n_a} " if effect.settings.mixture == "mean" else ""
    symbols = f"q(a|x) = {count}\\sum_e p(e|x)\\, {'R_{01}' if effect.settings.binary else 'R'}(e, a)"
    left, share = f"q(AU{number})", f"/{len(parts)}" if effect.settings.mixture == "mean" and parts else ""
    terms = [f"p({name})" + ("" if r == 1 else f"*{_n(r)}") for name, _, r in parts] or ["0"]
    filled = [_n(p) + ("" if r == 1 else f"*{_n(r)}") for _, p, r in parts] or ["0"]
    words, numbers = ((f"({_plus(side)}){share}" if share else _plus(side)) for side in (terms, filled))
    steps = [words, numbers, _n(value)]
    steps = [step for i, step in enumerate(steps) if step not in steps[:i]]
    text = " = ".join([left, *steps])
    tex = _lines(_tex(f"q(\\mathrm{{AU{number}}}) &= {_names(words)}"), *(_tex(f"&= {step}") for step in steps[1:]))
    return Formula(f"What the expressions imply for AU{number}", symbols, tex, text, value)


def matching(effect: Effect, number: int, form: MatchingForm) -> Formula:
    """Format one AU's term of the distribution-matching loss."""
    place = AU_INDEX[number]
    value = float(effect.matching[form][place])
    title = f"AU{number}'s part of distribution matching, {form.replace('_', ' ')}"
    symbols = f"L_a = {MATCHING[form]}"
    if not effect.support[place]:
        text = f"AU{number} stands with no expression of the table: no part of the loss"
        return Formula(title, symbols, f"\\text{{{text}}}", text, value)
    p, q = float(effect.action_units[place]), float(effect.clamped[place])
    numbers = {
        "kl": f"{_n(p)}*ln({_n(p)}/{_n(q)}) + {_n(1 - p)}*ln({_n(1 - p)}/{_n(1 - q)})",
        "printed": f"-{_n(p)}*ln({_n(q)})",
        "cross_entropy": f"-[{_n(p)}*ln({_n(q)}) + {_n(1 - p)}*ln({_n(1 - q)})]",
        "soft_target": f"-[{_n(q)}*ln({_n(p)}) + {_n(1 - q)}*ln({_n(1 - p)})]",
    }[form]
    sides = numbers.split(" + ")
    rows = [f"L_{{\\mathrm{{AU{number}}}}} &= {sides[0]}", *(f"&\\quad + {side}" for side in sides[1:])]
    tex = _lines(*(_tex(row) for row in rows), f"&= {_n(value)}")
    return Formula(title, symbols, tex, f"L(AU{number}) = {numbers} = {_n(value)}", value)


def matching_total(effect: Effect, form: MatchingForm) -> Formula:
    """Format the distribution-matching loss as a sum over AUs, largest terms first."""
    value = effect.total(form)
    parts = sorted(
        (
            (unit.short, float(x))
            for unit, x, on in zip(ACTION_UNITS, effect.matching[form], effect.support, strict=True)
            if on
        ),
        key=lambda part: -part[1],
    )
    named, rest = parts[:3], sum(x for _, x in parts[3:])
    sides = [f"{_n(x)} [{name}]" for name, x in named] + (
        [f"{_n(rest)} [{len(parts) - 3} others]"] if parts[3:] else []
    )
    text = f"L_DM = {_plus(sides) or '0'} = {_n(value)}"
    under = [f"\\underbrace{{{side.split(' ', 1)[0]}}}_{{\\text{{{side.split('[')[1][:-1]}}}}}" for side in sides]
    tex = _lines(f"L_{{DM}} &= {_plus(under) or '0'}", f"&= {_n(value)}")
    return Formula("Distribution matching over all AUs", "L_{DM} = \\sum_{a \\in support(R)} L_a", tex, text, value)


def intensity(effect: Effect, expression: str) -> Formula:
    """Format I(e|x) of one expression: the weighted fraction of its AUs that is labelled active."""
    place = EXPRESSION_INDEX[expression]
    value = float(effect.intensity[place])
    title, left = f"How much of {expression} the AU labels show", f"I({expression})"
    labels = effect.labels
    if expression == Expression.NEUTRAL:
        active = sum(
            bool(y > 0 and w > 0) for y, w in zip(labels.action_units, labels.action_units_weight, strict=True)
        )
        text = f"{left} = 1 - (largest AU label) = {_n(value)}: {active or 'no'} AU{'' if active == 1 else 's'} active"
        tex = _lines(f"I(\\text{{{expression}}}) &= 1 - \\max_a y_a", f"&= {_n(value)}")
        return Formula(title, "I(neutral|x) = 1 - \\max_a y_a", tex, text, value)
    row = effect.table.matrix(binary=effect.settings.observational == "one")[place]
    known = [
        (float(w * r), float(y))
        for w, r, y in zip(labels.action_units_weight, row, labels.action_units, strict=True)
        if w > 0 and r > 0
    ]
    above, below = _plus(f"{_w(w)}*{_w(y)}" for w, y in known) or "0", _plus(_w(w) for w, _ in known) or "0"
    tex = _lines(f"I(\\text{{{expression}}}) &= \\frac{{{_tex(above)}}}{{{below}}}", f"&= {_n(value)}")
    text = f"{left} = ({above})/({below}) = {_n(value)}" if known else f"{left} = 0: none of its AUs is labelled"
    return Formula(title, "I(e|x) = \\frac{\\sum_a w_a y_a}{\\sum_a w_a}", tex, text, value)


def soft_label(effect: Effect, expression: str) -> Formula:
    """Format q(e|x) of one expression: the softmax of all I(e|x)."""
    place, t = EXPRESSION_INDEX[expression], effect.settings.temperature
    value = float(effect.soft_label[place])
    over = "" if t == 1 else f"/{_w(t)}"
    powers = [f"exp({_n(i)}{over})" for i in effect.intensity]
    text = f"q({expression}) = {powers[place]} / ({_plus(powers)}) = {_n(value)}"
    tex_powers = [f"e^{{{_n(i)}{over}}}" for i in effect.intensity]
    denominator = f"{_plus(tex_powers[:4])} \\\\ + {_plus(tex_powers[4:])}"
    below = f"\\begin{{gathered}}{denominator}\\end{{gathered}}"
    tex = _lines(f"q(\\text{{{expression}}}) &= \\frac{{{tex_powers[place]}}}{{{below}}}", f"&= {_n(value)}")
    symbols = "q(e|x) = \\frac{\\exp(I(e|x)/T)}{\\sum_{e'} \\exp(I(e'|x)/T)}"
    return Formula(f"The soft label's share of {expression}", symbols, tex, text, value)


def soft_loss(effect: Effect, form: SoftForm) -> Formula:
    """Format the soft co-annotation loss as a sum over expressions."""
    value = effect.soft_loss[form]
    pairs = zip(effect.expression, effect.soft_label, strict=True)
    sides = [f"{_n(p)}*ln({_n(q)})" if form == "printed" else f"{_n(q)}*ln({_n(p)})" for p, q in pairs]
    text = f"L_SCA = -[{_plus(sides)}] = {_n(value)}"
    rows = [_plus(sides[start : start + 2]) for start in range(0, len(sides), 2)]
    tex = _lines(
        f"L_{{SCA}} &= -\\big[{_tex(rows[0])}",
        *(f"&\\quad + {_tex(row)}" for row in rows[1:-1]),
        f"&\\quad + {_tex(rows[-1])}\\big]",
        f"&= {_n(value)}",
    )
    symbols = {
        "printed": "L_{SCA} = -\\sum_e p(e|x) \\ln q(e|x)",
        "soft_target": "L_{SCA} = -\\sum_e q(e|x) \\ln p(e|x)",
    }[form]
    return Formula(f"Soft co-annotation, {form.replace('_', ' ')}", symbols, tex, text, value)


def written_out(
    effect: Effect, number: int, expression: str, form: MatchingForm = "kl", soft_form: SoftForm = "printed"
) -> tuple[Formula, ...]:
    """Format every formula for one AU and one expression, in the order of computation."""
    return (
        mixture(effect, number),
        matching(effect, number, form),
        matching_total(effect, form),
        intensity(effect, expression),
        soft_label(effect, expression),
        soft_loss(effect, soft_form),
    )


def _n(value: float) -> str:
    """Format with three decimals; a small positive number as a power of ten, since it may be in a logarithm."""
    return f"{value:.0e}" if 0 < value < 5e-4 else f"{value + 0.0:.3f}".replace("-0.000", "0.000")


def _w(value: float) -> str:
    """Format a weight or label without trailing zeros."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _plus(parts: Iterable[str]) -> str:
    return " + ".join(parts)


def _lines(*rows: str) -> str:
    body = re.sub(r"(\d)e-0*(\d+)", r"\1{\\cdot}10^{-\2}", " \\\\ ".join(rows))
    return f"\\begin{{aligned}}{body}\\end{{aligned}}"


def _tex(text: str) -> str:
    return text.replace("*", " \\cdot ").replace("ln(", "\\ln(")


def _names(text: str) -> str:
    """Set the names of expressions in upright type."""
    for expression in EXPRESSIONS:
        text = text.replace(f"p({expression.value})", f"p(\\text{{{expression.value}}})")
    return text

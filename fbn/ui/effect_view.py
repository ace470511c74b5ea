"""Panels that pages share: the choice of a relatedness table, and its effect on the losses of one face."""

from collections.abc import Callable

import streamlit as st

from fbn.errors import FbnError, FormatError
from fbn.inference import Affect, formulas
from fbn.inference.conflicts import conflicts
from fbn.inference.effect import (
    MATCHING_FORMS,
    SOFT_FORMS,
    Comparison,
    Effect,
    Settings,
    effect,
    predictions_of,
)
from fbn.losses.coupling import MatchingForm, SoftForm
from fbn.records import Annotations, Predictions
from fbn.relatedness import RelatednessTable, Versions, resolve
from fbn.relatedness.workshop import FIRST
from fbn.ui import effect_html
from fbn.ui.widgets import choose_one, controlled, escape_markdown
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, AU_NUMBERS, EXPRESSIONS

#: Titles of the forms of the losses.
FORMS: dict[str, str] = {
    "kl": "KL divergence",
    "printed": "As printed",
    "cross_entropy": "Cross entropy",
    "soft_target": "Soft target",
}
_TABLE_HELP = (
    "Which action units go with which expression. du2014: seen in posed faces. affwild2: read off films. rafce: coded "
    "by people on web pictures. Your own come from the Relatedness page."
)
_SEEN_HELP = (
    "p(a|x): what the network reads. q(a|x): what its expressions imply through the table. The distribution-matching "
    "loss draws the two together; each AU's part of it stands beside, and the arrow tells where training would move p."
)
_SOFT_HELP = (
    "p(e|x): what the network reads. q(e|x): the soft label that the face's AUs give it through the table "
    "(soft co-annotation)."
)
_CONFLICT_HELP = (
    "Statements that the table does not let stand together: what is implied and what is seen lie on different sides "
    "of 0.5, and at least 0.3 apart."
)
_AGREED = "None: what is seen and what the table implies agree."
_SILENT = "This model does not read both expressions and action units, which the table couples."


def picked_table(key: str) -> str:
    """Return the name of the table picked in ``pick_table``."""
    return str(st.session_state.get(f"{key} name", FIRST))


def pick_table(key: str) -> RelatednessTable:
    """Pick a built-in table, or the newest version of a saved one. The choice is kept across pages.

    Args:
        key: unique to each page.
    """
    names, name = (*RelatednessTable.names(), *Versions().names(of_expressions=True)), picked_table(key)
    chosen = controlled(
        st.selectbox,
        "Relatedness table",
        name if name in names else FIRST,
        lambda choice: st.session_state.update({f"{key} name": choice}),
        key,
        options=names,
        help=_TABLE_HELP,
    )
    try:
        table = resolve(chosen)
        if missing := [name for name in EXPRESSIONS if name not in table.categories]:
            raise FormatError(f"it has no row for {', '.join(missing)}, which the couplings need")
    except FbnError as error:
        st.error(f"{chosen} cannot be used, so {FIRST} is: {error}")
        return RelatednessTable.named(FIRST)
    return table


def effect_view(
    predictions: Predictions,
    table: RelatednessTable,
    base: RelatednessTable | None = None,
    annotations: Annotations | None = None,
    key: str = "effect",
    against: str = "",
) -> None:
    """Show conflicts, implied AUs, losses, co-annotation and formulas of one face, in a separate fragment.

    Args:
        predictions: predictions of one face, batch shape [] or [1]; ``effect.predictions_of`` converts an ``Affect``.
        table: the relatedness table.
        base: the table to compare with, or None.
        annotations: the face's true labels, e.g. of a drawn face; None to use the predictions.
        key: unique on the page.
        against: name of ``base``; "" if it is the table before the edit.
    """
    if predictions.expression_logits is None or predictions.action_unit_logits is None:
        st.caption(_SILENT)
        return
    st.fragment(_view)(predictions, table, None if base == table else base, annotations, key, against)


def conflict_panel(affect: Affect, table: RelatednessTable, max_shown: int = 8) -> None:
    """Show only the conflicts of one face, for pages that update continuously.

    Args:
        affect: predictions for the face.
        table: relatedness of expressions and AUs.
        max_shown: maximal number of conflicts, the largest differences first.
    """
    st.markdown("**Statements in conflict**", help=_CONFLICT_HELP)
    predictions = predictions_of(affect)
    if predictions.expression_logits is None or predictions.action_unit_logits is None:
        st.caption(_SILENT)
        return
    try:
        found = conflicts(predictions, table)
    except FormatError as error:
        st.caption(f"This table does not serve here: {error}.")
        return
    if found:
        st.html(effect_html.STYLE + effect_html.conflicts(found, max_shown))
    else:
        st.caption(_AGREED)


def _view(
    predictions: Predictions,
    table: RelatednessTable,
    base: RelatednessTable | None,
    annotations: Annotations | None,
    key: str,
    against: str,
) -> None:
    st.html(effect_html.STYLE)
    form, soft_form, settings = _options(key)
    try:
        now = effect(predictions, table, annotations, settings)
        compared = None if base is None else Comparison(effect(predictions, base, annotations, settings), now)
    except FormatError as error:  # a table without a row for some expression
        st.error(f"The losses need a row for each of the seven expressions: {error}.")
        return
    before = None if compared is None else compared.before
    _metrics(now, before, form, soft_form, against)
    left, right = st.columns([4, 5], gap="large")
    with left:
        _conflicts(now, compared, against)
        st.markdown("**Expressions: read, and said by the AUs**", help=_SOFT_HELP)
        st.html(effect_html.expressions(now, before, against))
        _co_annotation(now, before, annotations is not None, against)
    with right:
        st.markdown("**Action units: seen, and implied by the expressions**", help=_SEEN_HELP)
        st.html(effect_html.action_units(now, form, before, against))
    _formulas(now, form, soft_form, key)


def _options(key: str) -> tuple[MatchingForm, SoftForm, Settings]:
    lab = "See the Coupling lab."
    with st.popover("How the losses are formed", icon=":material/tune:"):
        form = choose_one("Distribution matching", {f: FORMS[f] for f in MATCHING_FORMS}, f"{key} form", help=lab)
        mixture = choose_one(
            "Mixture",
            {"sum": "Sum", "mean": "Mean"},
            f"{key} mixture",
            help="Sum: q(AU2) = p(surprise) + p(fear). Mean: half of that.",
        )
        binary = choose_one(
            "Weights in the mixture",
            {True: "0 or 1", False: "The table's"},
            f"{key} binary",
            help="0 or 1: every AU of an expression counts whole.",
        )
        soft_form = choose_one("Soft co-annotation", {f: FORMS[f] for f in SOFT_FORMS}, f"{key} soft", help=lab)
        observational = choose_one(
            "Observational AUs",
            {"weight": "By weight", "one": "As 1"},
            f"{key} observational",
            help="How much they count in co-annotation.",
        )
        temperature = st.slider(
            "Temperature of the soft label", 0.1, 2.0, 1.0, 0.1, key=f"{key} temperature", help="1 as in the paper."
        )
    settings = Settings(mixture=mixture, binary=binary, observational=observational, temperature=temperature)
    return form, soft_form, settings


def _metrics(now: Effect, before: Effect | None, form: MatchingForm, soft_form: SoftForm, against: str) -> None:
    metrics: list[tuple[str, Callable[[Effect], float], str]] = [
        ("Distribution matching", lambda e: e.total(form), ".2f"),
        ("Soft co-annotation", lambda e: e.soft_loss[soft_form], ".2f"),
        ("Conflicts", lambda e: len(e.conflicts), ".0f"),
    ]
    by = f"against {against}" if against else "by the edit"
    with st.container(horizontal=True):
        for label, value_of, spec in metrics:
            change = "" if before is None else f"{value_of(now) - value_of(before):+{spec}}"
            is_same = not change.strip("+-0.")
            delta = None if before is None else f"{'±0' if is_same else change} {by}"
            st.metric(
                label,
                f"{value_of(now):{spec}}",
                delta,
                delta_color="off",
                delta_arrow="off" if is_same else "auto",
                width=200 if against else 150,
            )


def _conflicts(now: Effect, compared: Comparison | None, against: str) -> None:
    st.markdown("**Statements in conflict**", help=_CONFLICT_HELP)
    if now.conflicts:
        st.html(effect_html.conflicts(now.conflicts))
    else:
        st.caption(_AGREED)
    if compared is not None:
        st.markdown(
            f"**What differs from {escape_markdown(against)}**" if against else "**What the edit changes there**"
        )
        if compared.settled or compared.new:
            st.html(effect_html.changed_conflicts(compared, against))
        else:
            st.caption("The same statements are in conflict with both tables.")


def _co_annotation(now: Effect, before: Effect | None, labelled: bool, against: str) -> None:
    st.markdown(
        "**What co-annotation would add**",
        help="Labels that the table gives to a picture which has one kind of label only. "
        + ("It starts from this face's own labels." if labelled else "It starts from what the network reads."),
    )
    lines = describe_co_annotation(now)
    if before is not None and (earlier := describe_co_annotation(before)) != lines:
        lines = [
            f"{line}  \n:gray[{escape_markdown(against) or 'before'}: {old}]" if old != line else line
            for line, old in zip(lines, earlier, strict=True)
        ]
    for line in lines:
        st.markdown(f"- {line}")


def describe_co_annotation(effect: Effect) -> list[str]:
    """Return two sentences: AU labels added by the expression label, and the expression label added by AU labels."""
    label = EXPRESSIONS[int(effect.labels.expression.argmax())].value
    units = ", ".join(
        f"AU{number}" + ("" if weight == 1 else f" (weight {weight:g})") for number, weight in effect.added_units
    )
    first = f"Labelled *{label}* alone: {units or 'no AU'}."
    if effect.added_expression is None:
        return [first, "Labelled with its AUs alone: no expression, since none has all of its AUs active."]
    name, weight = effect.added_expression
    return [first, f"Labelled with its AUs alone: *{name}*{'' if weight == 1 else f' (weight {weight:g})'}."]


def _formulas(now: Effect, form: MatchingForm, soft_form: SoftForm, key: str) -> None:
    worst = AU_NUMBERS[int(now.matching[form].argmax())]
    with (
        st.expander("Every term with these numbers", icon=":material/function:"),
        st.container(key=f"{key}_written_out"),
    ):
        with st.container(horizontal=True):
            number = st.selectbox(
                "Action unit",
                [None, *AU_NUMBERS],
                format_func=lambda n: (
                    f"Largest part: AU{worst}" if n is None else f"AU{n} {ACTION_UNIT_BY_NUMBER[n].name}"
                ),
                key=f"{key} number",
            )
            likely = EXPRESSIONS[int(now.expression.argmax())].value
            expression = st.selectbox(
                "Expression",
                [None, *(e.value for e in EXPRESSIONS)],
                format_func=lambda e: f"Likeliest: {likely}" if e is None else e.capitalize(),
                key=f"{key} expression",
            )
        for formula in formulas.written_out(now, number or worst, expression or likely, form, soft_form):
            with st.container(border=True):
                st.markdown(f"**{formula.title}**")
                symbols, numbers = st.columns([4, 5])
                symbols.latex(formula.symbols)
                numbers.latex(formula.numbers)
                st.code(formula.text, language=None, wrap_lines=True)

"""Compound expressions on any page: which to look for, and what one face shows of them."""

from dataclasses import dataclass

import streamlit as st

from fbn.compound import CompoundClasses, names
from fbn.errors import FbnError
from fbn.inference import Affect
from fbn.inference.breakdown import breakdown
from fbn.models import store
from fbn.tasks import AFFECT_TASKS
from fbn.ui import score_marks
from fbn.ui.widgets import bound

#: What the sets of classes that ship with fbn are called.
SETS = {
    "rafdb": "RAF-DB: 11 compounds",
    "emotionet": "EmotioNet: 6 basic, 10 compound",
    "du2014": "Du 2014: 15 compounds",
}
_OFF, _OWN = "off", "own"
_PICK_HELP = (
    "Two expressions at once, such as happily surprised. Any model names them without having learnt them, from its "
    "expressions, action units and valence; the sets differ in what there is to choose from. Your own sets are tables "
    "with compound rows from the Relatedness page."
)
_LACKING = "The picked model does not read expressions, action units and valence, which compounds are scored by."
_HELP = (
    "The likeliest of the picked set; colours are those of the two expressions. None of these: a single expression "
    "explains the face better than each of them. Point at a name, or freeze, to see the three terms."
)
_TERMS_HELP = (
    "Action units: how far those of the class are there, by the relatedness table. Expressions: how probable its two "
    "expressions are. Valence: 1 where a pleasant face speaks for the class. Learnt: what training on such pictures "
    "added. Their sum is the score; shares are a softmax of all scores. Pale rows: the class' name says "
    "nothing of expressions, so its terms are the others' mean."
)


@dataclass(frozen=True)
class Picked:
    """What a viewer wants to see of compound expressions.

    Attributes:
        shown: anything at all.
        classes: to be scored zero-shot; None for those that the model has learnt, or where nothing is shown.
    """

    shown: bool = False
    classes: CompoundClasses | None = None


def pick_compounds(model: str, key: str) -> Picked:
    """Off, a set, a saved table, or what the model has learnt, which is the default where there is such.

    Args:
        model: name of the picked model.
        key: another one for each page.
    """
    try:
        about = store.manifest(model)
    except FbnError:  # the page says so where it loads the model
        return Picked()
    ready, own = set(about.tasks) == set(AFFECT_TASKS), about.classes
    options = ([_OFF, *([_OWN] if own else []), *names()]) if ready else [_OFF]
    words = SETS | {_OFF: "Off", _OWN: f"Learnt by {model}: {len(own)} classes"}
    kept = f"{key} of {model}"
    name = st.session_state.get(kept, _OWN if own else _OFF)
    chosen = bound(
        st.selectbox,
        "Compound expressions",
        name if name in options else _OFF,
        lambda picked: st.session_state.update({kept: picked}),
        f"{key} set",
        options=options,
        format_func=lambda name: words.get(name, f"{name}: your table"),
        help=_PICK_HELP if ready else _LACKING,
        disabled=not ready,
    )
    if chosen in (_OFF, _OWN):
        return Picked(chosen == _OWN)
    try:
        return Picked(True, CompoundClasses.named(chosen))
    except FbnError as error:
        st.error(f"{chosen} cannot be used: {error}")
        return Picked()


def compound_panel(affect: Affect) -> None:
    """The likeliest compounds as bars under their title."""
    st.markdown("**Compound expression**", help=_HELP)
    st.html(score_marks.STYLE + score_marks.bars(breakdown(affect)))


def terms_panel(affect: Affect) -> None:
    """What the compounds' scores are made of, as a table under its title."""
    st.markdown("**What the scores are made of**", help=_TERMS_HELP)
    st.html(score_marks.STYLE + score_marks.terms_table(breakdown(affect)))

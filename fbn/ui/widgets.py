"""Widgets that show a value stored elsewhere, and choices that the page's address names."""

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from math import isclose
from typing import Any, ParamSpec

import streamlit as st

#: Where the widgets and the address stand, in the session's state.
_WIDGETS, _PLACES, _UNKNOWN = "controlled widgets", "places", "unknown in the address"
#: And what the viewer set in the callbacks of one run: key of the value -> what sets it again.
_SET = "set in this run"
_MOST_NAMED = 8
_Asked = ParamSpec("_Asked")


@dataclass(frozen=True)
class _Shown:
    """What a controlled widget shows: the value, its turn (part of the key) and the last turn that was given out."""

    value: Hashable
    turn: int = 0
    last: int = 0


@dataclass(frozen=True)
class _Placed:
    """A choice, its parameter and default, and what the address said of it when the page was drawn last."""

    value: str
    parameter: str
    default: str
    address: str | None


def controlled(
    widget: Callable[..., Any], label: str, value: Hashable, apply: Callable[[Any], None], key: str, **how: Any
) -> Any:
    """A widget that shows ``value`` and calls ``apply`` with what the viewer makes of it.

    What the viewer sets is never written over. With each click the browser sends the values of all widgets, also old
    ones of widgets that an answer under way is about to change. So where the page itself changes a value, the widget
    gets another key and begins anew from it: an old value then belongs to a widget that is gone, and is told from one
    that the viewer has just set.

    Args:
        widget: ``st.slider``, ``st.selectbox``, ``st.segmented_control``, ...
        label: of the widget.
        value: what it is to show.
        apply: keeps what the viewer chose. Where it refuses, the widget goes back to ``value``.
        key: of the value, another one for each.
        **how: the widget's other arguments.

    Returns:
        What the widget returns.
    """
    # a run draws its widgets once all its callbacks were called
    st.session_state.pop(_SET, None)
    widgets: dict[str, _Shown] = st.session_state.setdefault(_WIDGETS, {})
    shown = widgets.get(key) or _Shown(value)
    if not _same(shown.value, value):
        shown = _Shown(value, shown.last + 1, shown.last + 1)
    widgets[key] = shown
    own = _key(key, shown)

    def changed() -> None:
        moved, now = st.session_state[own], widgets[key]
        if now.turn != shown.turn and _same(moved, shown.value):
            return  # nobody moved it: it is gone, and the browser did not know yet
        widgets[key] = _Shown(moved, shown.turn, now.last)
        apply(moved)
        st.session_state.setdefault(_SET, {})[key] = partial(apply, moved)

    return widget(label, key=own, on_change=changed, **_start(widget, value, how), **how)


def sweeping(act: Callable[_Asked, None]) -> Callable[_Asked, None]:
    """A callback that sets many controlled values at once, and sets anew what the viewer set in the same run.

    While a page is still answering, Streamlit puts all that the viewer does meanwhile into one next run. It does not
    say in which order, and calls a button's callback last: what a slider was moved to after the click would be lost.
    So it is kept, also where it was moved before the click. Undo takes back one step of a history, and Redo brings it
    back: they need none of this.

    Args:
        act: the callback.

    Returns:
        The callback to give to the widget.
    """

    @wraps(act)
    def swept(*args: _Asked.args, **how: _Asked.kwargs) -> None:
        moves: dict[str, Callable[[], None]] = st.session_state.pop(_SET, {})
        act(*args, **how)
        for key, again in moves.items():
            # may be sweeping itself: it then keeps those before it
            again()
            st.session_state.setdefault(_SET, {})[key] = again

    return swept


def _key(key: str, shown: _Shown) -> str:
    return f"{key} {shown.turn}" if shown.turn else key


def _same(one: Hashable, other: Hashable) -> bool:
    """Whether a widget need not begin anew; what is kept may have fewer digits than the browser sends."""
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, abs_tol=5e-4)
    return one == other


def _start(widget: Callable[..., Any], value: Hashable, how: dict[str, Any]) -> dict[str, Any]:
    """The argument that a widget begins with."""
    if widget is st.selectbox:
        return {"index": None if value is None else list(how["options"]).index(value)}
    return {"default" if widget in (st.segmented_control, st.pills) else "value": value}


def sync_with_url(parameter: str, key: str, choices: Sequence[str], default: str, what: str, widget: str = "") -> str:
    """Which of some choices is open: what was picked on the page, else what the address says, else a default.

    The address follows the page and the page follows the address: on reload, from a link, with Back and Forward. A name
    in the address that is not among the choices is told. To be called once in a run of the page, before ``pick``.

    Args:
        parameter: of the address.
        key: of the session's state, where the choice is kept; a callback may set it.
        choices: among which it must be. Where there are none, ``default`` is to be "".
        default: where nothing else is known; the address need not say it.
        what: a choice in words, e.g. ``"view"``.
        widget: key of a choice whose ``pick`` is always on the page; ``key`` where there is none.

    Returns:
        The choice, which is also in ``st.session_state[key]``.
    """
    unknown: dict[str, str] = st.session_state.setdefault(_UNKNOWN, {})
    before, asked, found = _places().get(key), st.query_params.get(parameter), st.session_state.get(key)
    if before is None or found == before.value:
        # on a page that is entered anew an address that says nothing is a menu's link
        entered = before is None or not drawn(widget or key)
        if asked is not None if entered else asked != before.address:  # type: ignore[union-attr]
            unknown.pop(parameter, None)
            wanted = default if asked is None else asked
            found = next((choice for choice in choices if choice.casefold() == wanted.casefold()), None)
            if found is None:
                unknown[parameter] = _no_such(what, wanted, choices, default)
    else:
        unknown.clear()
    shown = default if found not in choices else str(found)
    st.session_state[key], _places()[key] = shown, _Placed(shown, parameter, default, asked)
    follow(key)
    if words := unknown.get(parameter):
        st.warning(words, icon=":material/link_off:")
    return shown


def follow(key: str) -> None:
    """Write a choice into the address: for callbacks of fragments, after which ``sync_with_url`` is not called."""
    if (placed := _places().get(key)) is None:
        return
    found, asked = st.session_state[key], placed.address
    if found != (placed.default if asked is None else asked):
        asked = found or None
        if found:
            st.query_params[placed.parameter] = found
        else:
            st.query_params.pop(placed.parameter, None)
    _places()[key] = replace(placed, value=found, address=asked)


def _places() -> dict[str, _Placed]:
    places: dict[str, _Placed] = st.session_state.setdefault(_PLACES, {})
    return places


def pick(widget: Callable[..., Any], label: str, key: str, apply: Callable[[], None] = lambda: None, **how: Any) -> Any:
    """The widget that shows and changes a choice of ``sync_with_url``.

    Args:
        widget: ``st.selectbox`` or ``st.segmented_control``.
        label: of the widget.
        key: the choice's.
        apply: called after it was changed.
        **how: the widget's other arguments.
    """

    def picked(choice: Any) -> None:
        st.session_state[key] = choice
        st.session_state[_UNKNOWN] = {}
        apply()

    return controlled(widget, label, st.session_state[key], picked, f"{key} pick", **how)


def drawn(key: str) -> bool:
    """Whether the choice's widget was on the page in the last run."""
    shown = st.session_state.get(_WIDGETS, {}).get(f"{key} pick")
    return shown is not None and _key(f"{key} pick", shown) in st.session_state


def _no_such(what: str, asked: str, choices: Sequence[str], shown: str) -> str:
    """What is said of a name in the address that does not exist; plain text for a place that reads Markdown."""
    words = f"The address asks for the {what} “{escape_markdown(asked)}”, and there is none of that name."
    if not choices:
        return words
    named = ", ".join(escape_markdown(choice) for choice in choices[:_MOST_NAMED])
    more = f" and {len(choices) - _MOST_NAMED} more" if len(choices) > _MOST_NAMED else ""
    return f"{words} “{escape_markdown(shown)}” is shown. There are: {named}{more}."


def escape_markdown(text: str) -> str:
    """Somebody's text for a place that reads Markdown, which it must not be taken for."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~:$-])", r"\\\1", text)

"""Controlled widgets, whose value is stored elsewhere, and choices that are synchronised with the URL."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from math import isclose
from typing import Any, ParamSpec

import streamlit as st

#: Keys of the session's state: controlled widgets, choices in the URL, and messages about unknown names in the URL.
_WIDGETS, _CHOICES, _UNKNOWN = "controlled widgets", "choices in the address", "unknown in the address"
#: Changes that the user made in the callbacks of one run: key of the value -> function that makes the change again.
_SET = "set in this run"
_MAX_NAMED = 8
_P = ParamSpec("_P")


@dataclass(frozen=True)
class _Widget:
    """State of a controlled widget: the value it shows, its turn (part of its key) and the highest turn in use."""

    value: Hashable
    turn: int = 0
    last: int = 0


@dataclass(frozen=True)
class _Choice:
    """A choice, its URL parameter and default, and the parameter's value when the page was last drawn."""

    value: str
    parameter: str
    default: str
    in_url: str | None


def controlled(
    widget: Callable[..., Any], label: str, value: Hashable, apply: Callable[[Any], None], key: str, **options: Any
) -> Any:
    """Draw a widget that shows ``value`` and calls ``apply`` with the value that the user sets.

    A value set by the user is never overwritten. With each click the browser sends the values of all widgets,
    including outdated values of widgets that a response in progress is about to change. So when the page itself
    changes a value, the widget gets a new key: an outdated value then belongs to the old key and is ignored.

    Args:
        widget: ``st.slider``, ``st.selectbox``, ``st.segmented_control``, ...
        label: label of the widget.
        value: the value to show.
        apply: stores the new value. If it rejects the value, the widget returns to ``value``.
        key: unique key of the value.
        **options: other arguments of the widget.

    Returns:
        The widget's return value.
    """
    # widgets are drawn after all callbacks of a run
    st.session_state.pop(_SET, None)
    widgets: dict[str, _Widget] = st.session_state.setdefault(_WIDGETS, {})
    shown = widgets.get(key) or _Widget(value)
    if not _same(shown.value, value):
        shown = _Widget(value, shown.last + 1, shown.last + 1)
    widgets[key] = shown
    widget_key = _key(key, shown)

    def changed() -> None:
        moved, now = st.session_state[widget_key], widgets[key]
        if now.turn != shown.turn and _same(moved, shown.value):
            return  # not a change by the user: an outdated value of the old key
        widgets[key] = _Widget(moved, shown.turn, now.last)
        apply(moved)
        st.session_state.setdefault(_SET, {})[key] = partial(apply, moved)

    return widget(label, key=widget_key, on_change=changed, **_initial(widget, value, options), **options)


def keep_user_changes(act: Callable[_P, None]) -> Callable[_P, None]:
    """Decorate a callback that sets many controlled values: changes that the user made in the same run are kept.

    While a run is in progress, Streamlit collects all user actions for the next run, without their order, and calls a
    button's callback last: a slider moved after the click would lose its value. So the decorated callback repeats the
    changes of the run after its own, including those made before the click. Undo and Redo need no such treatment.

    Args:
        act: the callback.

    Returns:
        The decorated callback.
    """

    @wraps(act)
    def callback(*args: _P.args, **options: _P.kwargs) -> None:
        changes: dict[str, Callable[[], None]] = st.session_state.pop(_SET, {})
        act(*args, **options)
        for key, repeat in changes.items():
            # a change whose callback is decorated too repeats the changes before it
            repeat()
            st.session_state.setdefault(_SET, {})[key] = repeat

    return callback


def _key(key: str, shown: _Widget) -> str:
    return f"{key} {shown.turn}" if shown.turn else key


def _same(one: Hashable, other: Hashable) -> bool:
    """Whether two values are equal; the stored value may have fewer digits than the one sent by the browser."""
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, abs_tol=5e-4)
    return one == other


def _initial(widget: Callable[..., Any], value: Hashable, options: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword argument that sets a widget's initial value."""
    if widget is st.selectbox:
        return {"index": None if value is None else list(options["options"]).index(value)}
    return {"default" if widget in (st.segmented_control, st.pills) else "value": value}


def sync_with_url(parameter: str, key: str, choices: Sequence[str], default: str, what: str, widget: str = "") -> str:
    """Return the current choice, in this order: picked on the page, named in the URL, or the default.

    The URL follows the page and the page follows the URL: on reload, from a link, with Back and Forward. A name in the
    URL that is not among the choices shows a warning. Call it once per run of the page, before ``pick``.

    Args:
        parameter: query parameter of the URL.
        key: key of the choice in the session's state; a callback may set it.
        choices: valid choices. If there are none, ``default`` must be "".
        default: the choice if there is no other; the URL does not need to name it.
        what: name of the kind of choice for messages, e.g. ``"view"``.
        widget: key of a choice whose ``pick`` is always on the page; "" for ``key`` itself.

    Returns:
        The choice, also stored in ``st.session_state[key]``.
    """
    unknown: dict[str, str] = st.session_state.setdefault(_UNKNOWN, {})
    before, in_url, choice = _choices().get(key), st.query_params.get(parameter), st.session_state.get(key)
    if before is None or choice == before.value:
        # when the user comes back to the page by the menu, the URL has no parameter: the choice stays
        entered = before is None or not was_drawn(widget or key)
        if in_url is not None if entered else in_url != before.in_url:  # type: ignore[union-attr]
            unknown.pop(parameter, None)
            wanted = default if in_url is None else in_url
            choice = next((each for each in choices if each.casefold() == wanted.casefold()), None)
            if choice is None:
                unknown[parameter] = _no_such(what, wanted, choices, default)
    else:
        unknown.clear()
    shown = default if choice not in choices else str(choice)
    st.session_state[key], _choices()[key] = shown, _Choice(shown, parameter, default, in_url)
    update_url(key)
    if message := unknown.get(parameter):
        st.warning(message, icon=":material/link_off:")
    return shown


def update_url(key: str) -> None:
    """Write a choice to the URL: for callbacks of fragments, after which ``sync_with_url`` is not called."""
    if (choice := _choices().get(key)) is None:
        return
    value, in_url = st.session_state[key], choice.in_url
    if value != (choice.default if in_url is None else in_url):
        in_url = value or None
        if value:
            st.query_params[choice.parameter] = value
        else:
            st.query_params.pop(choice.parameter, None)
    _choices()[key] = replace(choice, value=value, in_url=in_url)


def _choices() -> dict[str, _Choice]:
    choices: dict[str, _Choice] = st.session_state.setdefault(_CHOICES, {})
    return choices


def pick(
    widget: Callable[..., Any], label: str, key: str, apply: Callable[[], None] = lambda: None, **options: Any
) -> Any:
    """Draw the widget that shows and changes a choice of ``sync_with_url``.

    Args:
        widget: ``st.selectbox`` or ``st.segmented_control``.
        label: label of the widget.
        key: key of the choice.
        apply: called after each change.
        **options: other arguments of the widget.
    """

    def picked(choice: Any) -> None:
        st.session_state[key] = choice
        st.session_state[_UNKNOWN] = {}
        apply()

    return controlled(widget, label, st.session_state[key], picked, f"{key} pick", **options)


def choose_one(
    label: str, choices: Sequence[Any] | Mapping[Any, str], key: str, default: Any = None, **options: Any
) -> Any:
    """Draw buttons of which one is always chosen, and return its choice.

    Args:
        label: of the widget.
        choices: the choices, or choice -> text of its button.
        key: of the widget.
        default: the choice at first; None: the first of ``choices``.
        **options: other arguments of ``st.segmented_control``.
    """
    first = next(iter(choices)) if default is None else default
    text = choices.__getitem__ if isinstance(choices, Mapping) else str
    chosen = st.segmented_control(
        label, list(choices), default=first, required=True, format_func=text, key=key, **options
    )
    return first if chosen is None else chosen


def pick_view(
    label: str, key: str, views: Sequence[str], apply: Callable[[], None] = lambda: None, **more: Any
) -> None:
    """Draw the buttons of a page's views: ``pick`` without a visible label."""
    pick(st.segmented_control, label, key, apply, options=views, required=True, label_visibility="collapsed", **more)


def was_drawn(key: str) -> bool:
    """Whether the choice's widget was on the page in the last run."""
    shown = st.session_state.get(_WIDGETS, {}).get(f"{key} pick")
    return shown is not None and _key(f"{key} pick", shown) in st.session_state


def _no_such(what: str, wanted: str, choices: Sequence[str], shown: str) -> str:
    """Return the Markdown message about a name in the URL that does not exist."""
    message = f"The address asks for the {what} “{escape_markdown(wanted)}”, and there is none of that name."
    if not choices:
        return message
    named = ", ".join(escape_markdown(choice) for choice in choices[:_MAX_NAMED])
    more = f" and {len(choices) - _MAX_NAMED} more" if len(choices) > _MAX_NAMED else ""
    return f"{message} “{escape_markdown(shown)}” is shown. There are: {named}{more}."


def escape_markdown(text: str) -> str:
    """Escape text so that it is not interpreted as Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~:$-])", r"\\\1", text)

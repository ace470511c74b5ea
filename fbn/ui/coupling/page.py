"""The Coupling lab: a lesson in steps, each beside the figure that it speaks of."""

from collections.abc import Callable
from typing import Any, get_args

import streamlit as st

from fbn.inference import formulas
from fbn.losses.coupling import Gradients, MatchingForm
from fbn.ui import charts
from fbn.ui.coupling import charts as coupling_charts
from fbn.ui.coupling import curves
from fbn.ui.coupling.lesson import STEPS, Step
from fbn.ui.coupling.live import training_view
from fbn.ui.effect_view import FORMS, pick_table, picked
from fbn.ui.widgets import pick as pick_placed
from fbn.ui.widgets import place
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, AU_NUMBERS, EXPRESSIONS

_STEP = "lab step"
#: As the address has them.
_NUMBERS = [str(number) for number in range(1, len(STEPS) + 1)]
_MATCHING: tuple[MatchingForm, ...] = get_args(MatchingForm)
STYLE = """<style>
.st-key-lab_text ol{margin-bottom:.4rem}
.st-key-lab_text li{margin-bottom:.3rem}
</style>"""


def show_lab() -> None:
    """The steps' buttons, the step's text, and beside it what to play with."""
    st.html(STYLE)
    at = _NUMBERS.index(place("step", _STEP, _NUMBERS, _NUMBERS[0], "step"))
    pick_placed(
        st.segmented_control,
        "Step",
        _STEP,
        options=_NUMBERS,
        required=True,
        format_func=lambda number: f"{number} {STEPS[int(number) - 1].name}",
        label_visibility="collapsed",
    )
    text, play = st.columns([4, 6], gap="large")
    with text:
        _text(at, STEPS[at])
    with play:
        st.fragment(_VIEWS[at])()


def _go(step: int) -> None:
    st.session_state[_STEP] = _NUMBERS[step]


def _text(at: int, step: Step) -> None:
    with st.container(key="lab_text"):
        st.markdown(f"### {at + 1}. {step.title}")
        st.markdown(step.words)
        st.markdown("**Try it**\n\n" + "\n".join(f"{i}. {words}" for i, words in enumerate(step.tries, 1)))
        with st.expander("What you should have seen", icon=":material/visibility:"):
            st.markdown(step.seen)
        with st.container(horizontal=True):
            st.button("Back", icon=":material/arrow_back:", disabled=at == 0, on_click=_go, args=(at - 1,))
            last = at == len(STEPS) - 1
            st.button(
                "Next step",
                icon=":material/arrow_forward:",
                type="primary",
                disabled=last,
                on_click=_go,
                args=(at + 1,),
            )


def pick(label: str, choices: dict[Any, str], key: str, default: Any = None, words: str | None = None) -> Any:
    """One of a few choices, always one."""
    return st.segmented_control(
        label,
        list(choices),
        default=default if default is not None else next(iter(choices)),
        required=True,
        format_func=choices.__getitem__,
        key=key,
        help=words,
    )


def _chart(figure: dict[str, Any], key: str) -> None:
    st.plotly_chart(figure, config=charts.CONFIG, key=key, alt=charts.described(figure))


def _mixture() -> None:
    names = [e.value for e in EXPRESSIONS if e.value != "neutral"]
    left, right = st.columns(2)
    first = left.selectbox("First expression", names, names.index("surprise"), str.capitalize, key="lab first")
    share = left.slider("Its share", 0.0, 1.0, 0.6, 0.05, key="lab first share")
    second = right.selectbox("Second expression", names, names.index("happiness"), str.capitalize, key="lab second")
    most = round(1 - share, 2)
    rest = right.slider("Its share of the rest", 0.0, 1.0, 0.5, 0.05, key="lab second share", disabled=not most)
    shares = [(first, share), (second, most * rest)]
    table = pick_table("lab table")
    with st.container(horizontal=True):
        mixture = pick("Mixture", {"sum": "Sum", "mean": "Mean"}, "lab mixture")
        binary = pick("Weights", {True: "0 or 1", False: "The table's weights"}, "lab binary")
    plain = curves.implied(shares, table, "sum", True)
    series = [(f"{'sum' if mixture == 'sum' else 'mean'}, {'0 or 1' if binary else 'weights'}", plain)]
    if (mixture, binary) != ("sum", True):
        changed = curves.implied(shares, table, mixture, binary)
        series = [("sum, 0 or 1", plain), (series[0][0], changed)]
    neutral = max(0.0, 1 - share - most * rest)
    st.markdown(f"p({first}) = {share:.2f}, p({second}) = {most * rest:.2f}, p(neutral) = {neutral:.2f}")
    _chart(coupling_charts.implied(series), "lab implied")


def _q(key: str) -> float:
    return st.slider("q: what the expressions imply", 0.05, 0.95, 0.3, 0.05, key=key)


def _forms() -> None:
    view = pick("Plot", {"curves": "Over p", "plane": "Over p and q"}, "lab plot")
    if view == "plane":
        form = pick("Form of the loss", {form: FORMS[form] for form in _MATCHING}, "lab plane form")
        _formula(form)
        _chart(coupling_charts.plane(form), "lab plane")
        return
    q = _q("lab q")
    forms = st.pills(
        "Forms", _MATCHING, selection_mode="multi", default=_MATCHING, format_func=FORMS.__getitem__, key="lab forms"
    )
    _chart(coupling_charts.curves(forms, q), "lab loss")
    _chart(coupling_charts.curves(forms, q, slope=True), "lab slope")
    if forms:
        lows = {form: curves.curve(form, q).lowest for form in forms}
        st.markdown("Lowest at: " + ", ".join(f"{FORMS[form]} p = {_edge(low)}" for form, low in lows.items()))
    with st.expander("The formulas", icon=":material/function:"):
        for form in _MATCHING:
            st.markdown(f"**{FORMS[form]}**")
            _formula(form)


def _edge(p: float) -> str:
    return "0" if p < 0.01 else "1" if p > 0.99 else f"{p:.2f}"


def _formula(form: MatchingForm) -> None:
    st.latex(formulas.MATCHING[form])


def _descent() -> None:
    q = _q("lab q below")
    columns = st.columns(2)
    for i, form in enumerate(_MATCHING):
        with columns[i % 2]:
            st.markdown(f"**{FORMS[form]}**: {_where(form, q)}")
            _chart(coupling_charts.descent(form, q), f"lab descent {form}")


def _where(form: MatchingForm, q: float) -> str:
    """What becomes of the eight answers, in words."""
    if abs(curves.descent(form, q)[-1] - q).max() < 0.02:
        return "all meet at q"
    return f"all on their way to {_edge(curves.curve(form, q).lowest)}"


def _gradients() -> None:
    form = pick("Form of the loss", {form: FORMS[form] for form in _MATCHING}, "lab paths form")
    flows: dict[Gradients, str] = {"p": "Through p", "q": "Through q", "both": "Both"}
    gradients = pick("Gradients flow", flows, "lab gradients", "both")
    learns = {
        "p": "The AU head learns; the expression head is left alone.",
        "q": "The expression head learns; the AU head is left alone.",
        "both": "Both heads learn.",
    }
    st.caption(learns[gradients])
    _chart(coupling_charts.paths(form, gradients), "lab paths")


def _soft() -> None:
    def named(number: int) -> str:
        return f"AU{number} {ACTION_UNIT_BY_NUMBER[number].name}"

    active = tuple(st.multiselect("Active action units", AU_NUMBERS, [6, 12, 25], format_func=named, key="lab active"))
    table = pick_table("lab table")
    left, right = st.columns(2)
    temperature = left.slider("Temperature", 0.1, 2.0, 1.0, 0.1, key="lab temperature", help="1 as in the papers.")
    with right:
        observational = pick("Observational AUs count", {"weight": "By weight", "one": "As 1"}, "lab observational")
    hard = curves.hard_label(active, table)
    st.markdown(
        f"Hard co-annotation: **{hard}**, all of its action units are active."
        if hard
        else "Hard co-annotation: **no label**, no expression has all of its action units active."
    )
    soft = curves.soft_label(active, table, temperature, observational)
    learned = {
        f"learned, {FORMS[form].lower()}": curves.learned(active, table, form, temperature, observational)
        for form in ("printed", "soft_target")
    }
    _chart(coupling_charts.soft({"soft label q(e|x)": soft, **learned}), "lab soft")
    top = EXPRESSIONS[int(soft.argmax())].value
    st.markdown(f"Largest share: {top}, {soft.max():.2f} at temperature {temperature:g}.")
    _chart(coupling_charts.temperatures(active, table, observational, temperature), "lab temperatures")


_VIEWS: tuple[Callable[[], None], ...] = (
    _mixture,
    _forms,
    _descent,
    _gradients,
    _soft,
    lambda: training_view(pick_table("lab table"), picked("lab table")),
)

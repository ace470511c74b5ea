"""The Coupling lab: a lesson in seven steps for newcomers, each with an interactive plot."""

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from fbn.inference import formulas
from fbn.inference.effect import MATCHING_FORMS
from fbn.losses import curves
from fbn.losses.coupling import Gradients, MatchingForm
from fbn.ui import charts
from fbn.ui.coupling import charts as coupling_charts
from fbn.ui.coupling.people import people_view
from fbn.ui.coupling.training import training_view
from fbn.ui.effect_view import FORMS, pick_table, picked_table
from fbn.ui.widgets import choose_one, pick_view, sync_with_url
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, ACTION_UNITS, AU_NUMBERS, EXPRESSIONS

_STEP = "lab step"
STYLE = """<style>
.st-key-lab_text ol{margin-bottom:.4rem}
.st-key-lab_text li{margin-bottom:.3rem}
</style>"""


@dataclass(frozen=True)
class LessonStep:
    """One step of the lesson.

    Attributes:
        name: label of the step's button.
        title: headline.
        text: explanation; Markdown.
        exercises: instructions, in order; Markdown.
        outcome: the expected observations; Markdown.
        view: draws the plot and its widgets.
    """

    name: str
    title: str
    text: str
    exercises: tuple[str, ...]
    outcome: str
    view: Callable[[], None]


def show_lab() -> None:
    """Show the steps' buttons, the current step's text, and its interactive plot."""
    st.html(STYLE)
    numbers = [str(number) for number in range(1, len(STEPS) + 1)]
    number = int(sync_with_url("step", _STEP, numbers, "1", "step"))
    pick_view("Step", _STEP, numbers, format_func=lambda choice: f"{choice} {STEPS[int(choice) - 1].name}")
    text, view = st.columns([4, 6], gap="large")
    with text:
        _text(number, STEPS[number - 1])
    with view:
        st.fragment(STEPS[number - 1].view)()


def _go(number: int) -> None:
    st.session_state[_STEP] = str(number)


def _text(number: int, step: LessonStep) -> None:
    with st.container(key="lab_text"):
        st.markdown(f"### {number}. {step.title}")
        st.markdown(step.text)
        st.markdown("**Try it**\n\n" + "\n".join(f"{i}. {exercise}" for i, exercise in enumerate(step.exercises, 1)))
        with st.expander("What you should have seen", icon=":material/visibility:"):
            st.markdown(step.outcome)
        with st.container(horizontal=True):
            first, last = number == 1, number == len(STEPS)
            st.button("Back", icon=":material/arrow_back:", disabled=first, on_click=_go, args=(number - 1,))
            st.button(
                "Next step",
                icon=":material/arrow_forward:",
                type="primary",
                disabled=last,
                on_click=_go,
                args=(number + 1,),
            )


def _chart(figure: go.Figure, key: str) -> None:
    st.plotly_chart(figure, config=charts.CONFIG, key=key, alt=charts.alt_text(figure.to_dict()))


def _mixture() -> None:
    names = [e.value for e in EXPRESSIONS if e.value != "neutral"]
    left, right = st.columns(2)
    first = left.selectbox("First expression", names, names.index("surprise"), str.capitalize, key="lab first")
    share = left.slider("Its share", 0.0, 1.0, 0.6, 0.05, key="lab first share")
    second = right.selectbox("Second expression", names, names.index("happiness"), str.capitalize, key="lab second")
    remainder = round(1 - share, 2)
    rest = right.slider("Its share of the rest", 0.0, 1.0, 0.5, 0.05, key="lab second share", disabled=not remainder)
    shares = [(first, share), (second, remainder * rest)]
    table = pick_table("lab table")
    with st.container(horizontal=True):
        mixture = choose_one("Mixture", {"sum": "Sum", "mean": "Mean"}, "lab mixture")
        binary = choose_one("Weights", {True: "0 or 1", False: "The table's weights"}, "lab binary")
    series = {
        "sum, 0 or 1": curves.implied(shares, table, "sum", True),
        f"{mixture}, {'0 or 1' if binary else 'weights'}": curves.implied(shares, table, mixture, binary),
    }
    neutral = max(0.0, 1 - share - remainder * rest)
    st.markdown(f"p({first}) = {share:.2f}, p({second}) = {remainder * rest:.2f}, p(neutral) = {neutral:.2f}")
    _chart(coupling_charts.bars([unit.short for unit in ACTION_UNITS], series, "q(AU)"), "lab implied")


def _q(key: str) -> float:
    return st.slider("q: what the expressions imply", 0.05, 0.95, 0.3, 0.05, key=key)


def _forms() -> None:
    view = choose_one("Plot", {"curves": "Over p", "plane": "Over p and q"}, "lab plot")
    if view == "plane":
        form = choose_one("Form of the loss", {form: FORMS[form] for form in MATCHING_FORMS}, "lab plane form")
        _formula(form)
        _chart(coupling_charts.plane(form), "lab plane")
        return
    q = _q("lab q")
    forms = st.pills(
        "Forms",
        MATCHING_FORMS,
        selection_mode="multi",
        default=MATCHING_FORMS,
        format_func=FORMS.__getitem__,
        key="lab forms",
    )
    _chart(coupling_charts.form_curves(forms, q), "lab loss")
    _chart(coupling_charts.form_curves(forms, q, slope=True), "lab slope")
    if forms:
        lows = {form: curves.curve(form, q).lowest for form in forms}
        st.markdown("Lowest at: " + ", ".join(f"{FORMS[form]} p = {_format_p(low)}" for form, low in lows.items()))
    with st.expander("The formulas", icon=":material/function:"):
        for form in MATCHING_FORMS:
            st.markdown(f"**{FORMS[form]}**")
            _formula(form)


def _format_p(p: float) -> str:
    return "0" if p < 0.01 else "1" if p > 0.99 else f"{p:.2f}"


def _formula(form: MatchingForm) -> None:
    st.latex(formulas.MATCHING[form])


def _descent() -> None:
    q = _q("lab q below")
    columns = st.columns(2)
    for i, form in enumerate(MATCHING_FORMS):
        with columns[i % 2]:
            st.markdown(f"**{FORMS[form]}**: {_describe_limit(form, q)}")
            _chart(coupling_charts.descent(form, q), f"lab descent {form}")


def _describe_limit(form: MatchingForm, q: float) -> str:
    """Describe the limit of gradient descent from the eight starting points."""
    if abs(curves.descent(form, q)[-1] - q).max() < 0.02:
        return "all meet at q"
    return f"all on their way to {_format_p(curves.curve(form, q).lowest)}"


def _gradients() -> None:
    form = choose_one("Form of the loss", {form: FORMS[form] for form in MATCHING_FORMS}, "lab paths form")
    flows: dict[Gradients, str] = {"p": "Through p", "q": "Through q", "both": "Both"}
    gradients = choose_one("Gradients flow", flows, "lab gradients", "both")
    learns = {
        "p": "The AU head learns; the expression head is left alone.",
        "q": "The expression head learns; the AU head is left alone.",
        "both": "Both heads learn.",
    }
    st.caption(learns[gradients])
    _chart(coupling_charts.paths(form, gradients), "lab paths")


def _soft() -> None:
    def name(number: int) -> str:
        return f"AU{number} {ACTION_UNIT_BY_NUMBER[number].name}"

    active = tuple(st.multiselect("Active action units", AU_NUMBERS, [6, 12, 25], format_func=name, key="lab active"))
    table = pick_table("lab table")
    left, right = st.columns(2)
    temperature = left.slider("Temperature", 0.1, 2.0, 1.0, 0.1, key="lab temperature", help="1 as in the papers.")
    with right:
        observational = choose_one(
            "Observational AUs count", {"weight": "By weight", "one": "As 1"}, "lab observational"
        )
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
    _chart(
        coupling_charts.bars([e.value for e in EXPRESSIONS], {"soft label q(e|x)": soft, **learned}, "share"),
        "lab soft",
    )
    top = EXPRESSIONS[int(soft.argmax())].value
    st.markdown(f"Largest share: {top}, {soft.max():.2f} at temperature {temperature:g}.")
    _chart(coupling_charts.temperatures(active, table, observational, temperature), "lab temperatures")


STEPS: tuple[LessonStep, ...] = (
    LessonStep(
        "Mixture",
        "Two heads look at one face",
        "The network answers two questions about a face. Its expression head gives **p(e|x)**, the share of each of "
        "seven expressions. Its action-unit head gives **p(a|x)**, the probability of each movement: AU12 pulls the "
        "lip corners up, AU4 lowers the brows.\n\n"
        "The two belong together: who smiles pulls the lip corners. A *relatedness table* says so in numbers. With it, "
        "the expressions alone **imply** each action unit: add up the shares of all expressions that have it. That sum "
        "is the mixture **q(a|x)**.",
        (
            "Move the share of surprise and watch AU1, AU2, AU5, AU25 and AU26 rise with it.",
            "Choose *fear* as the second expression. All five belong to fear too, so both shares add up; AU4 and AU20 "
            "are fear's own.",
            "Switch from **Sum** to **Mean**: shared units are halved or worse, so q stays far below 1 even for a "
            "certain face.",
            "Switch to **the table's weights**: units that only some people show no longer count whole.",
        ),
        "Units of one expression follow its share. Shared units are where **sum** and **mean** part: with the mean, a "
        "face that is surely surprised *and* whose AU1 is surely there still has q(AU1) well below 1, so the loss "
        "would pull a right answer down. The papers' texts give examples of both; fbn takes the sum.",
        _mixture,
    ),
    LessonStep(
        "Forms",
        "How far apart are p and q? Four answers",
        "Now p (what the AU head sees) meets q (what the expressions imply). *Distribution matching* puts a number on "
        "their distance, for training to make small. The papers print one formula, their footnote names another, and "
        "two more suggest themselves. Each curve below is one of them; **its dot is the p at which it is lowest**, "
        "which is where training wants p to be.",
        (
            "Put q at 0.30 and compare the four dots. Where should a loss that *matches* have its dot?",
            "Move q slowly to 0.70. Which dots move along, which stay, which one jumps?",
            "Look at the gradient below: training pushes p up where it is under 0. Which forms never change sign?",
            "Open **Over p and q**: the orange line runs through the lowest points. A matching loss has it on the "
            "diagonal.",
        ),
        "**KL divergence** and **soft target** are lowest at p = q. **As printed**, -p ln q is a straight line in p: "
        "lowest at p = 0 whatever q is. **Cross entropy** is a straight line too, so its dot sits at 0 or at 1 and "
        "jumps as q passes 0.5. A slip in a formula is not a detail.",
        _forms,
    ),
    LessonStep(
        "Descent",
        "Where each form leads",
        "A network never sees the dot; it follows the gradient, step by step. Here eight answers p start in different "
        "places and go down each form's gradient, with nothing else to hold them.",
        (
            "Guess first, with q at 0.30: in which panels do all eight lines meet, and where?",
            "Put q at 0.90. Which form now hardly moves?",
            "Put q at 0.45, then at 0.55, and watch *cross entropy*.",
        ),
        "**As printed**: every action unit goes to 0, also those that are implied. **Cross entropy**: all to 0 or all "
        "to 1. **KL** and **soft target** meet at q. In real training the AU labels pull the other way, so a wrong "
        "form does not wipe everything out: it makes action units rarer than they are, quietly.",
        _descent,
    ),
    LessonStep(
        "Gradients",
        "Which head gives way",
        "p and q come from two heads of one network, so a loss between them can move either. The figure shows one "
        "action unit in one expression: sideways is p(AU12), upwards is q(AU12) = p(happiness). Rings are starts, dots "
        "are ends. You decide through which side gradients may flow.",
        (
            "**Through p**: lines run sideways. The expressions teach, the AU head learns.",
            "**Through q**: lines run up and down. Now the AU head is the teacher.",
            "**Both**, with KL: the heads meet each other half-way, on the diagonal.",
            "**Both**, with *as printed*: where does everything go? And with *cross entropy*?",
        ),
        "Let gradients through the side you trust less. **KL** with both is fbn's default, since either head may be "
        "wrong. **Soft target** with both sides open drifts into the corners, where it is cheapest to be certain; so "
        "in distillation, where it comes from, the target q is held still. **As printed** with both is cheapest where "
        "AU12 is never there or happiness is certain: neither has to do with the face.",
        _gradients,
    ),
    LessonStep(
        "Soft labels",
        "From action units to expressions",
        "Coupling runs the other way too. A face has AU labels but no expression label: which expression fits? **Hard "
        "co-annotation** names one only if *all* of its action units are there. **Soft co-annotation** asks how much "
        "of each expression is there, I(e|x), and turns that into shares with a softmax. Its **temperature** decides "
        "how sharp they are.",
        (
            "Leave AU6, AU12 and AU25 on: all of happiness. At temperature 1, the papers' own, how large is its share?",
            "Lower the temperature to 0.3.",
            "Take AU25 away: the hard label vanishes, the soft one only gives way a little.",
            "Compare the two hatched bars' heights: what would a network *learn* from each form, given enough steps?",
        ),
        "At temperature 1 even a perfect match gets about 0.3 of the shares, since I(e|x) lies between 0 and 1 and a "
        "softmax of such numbers is nearly flat. Lower temperatures sharpen it. The loss as printed weighs by p, so "
        "it drives the network to one expression with certainty; *soft target* teaches the shares themselves.",
        _soft,
    ),
    LessonStep(
        "Training",
        "Two networks, one difference",
        "Now for real, small. Two networks start with equal weights and see equal batches of drawn faces. Most faces "
        "come with an expression label only, a few with AU labels only: that is how real data sets are. One network "
        "learns each task by itself, the other has the couplings too. Both are measured on faces that neither has "
        "seen. The time left is measured while it runs; stop when you like.",
        (
            "Start, and watch which curve leaves first.",
            "Give it 160 faces with AU labels instead of 20. Is the coupling worth as much?",
            "Train with the table whose rows are exchanged. What does a wrong prior cost?",
            "Leave only one of the three couplings on.",
        ),
        "With few AU labels the couplings lend the AU head what expression labels know. With many labels there is "
        "less to lend. A wrong table lends wrong things: the prior is a statement about faces, and it can be false. "
        "One pair is an anecdote; the Relatedness page runs several seeds in the background and gives their spread.",
        lambda: training_view(pick_table("lab table"), picked_table("lab table")),
    ),
    LessonStep(
        "Who is it?",
        "People and what they look like",
        "The same coupling, with other tasks: **who** is in the picture, and which **attributes** the face has "
        "(glasses, a beard, black hair ...). A table counted from training pictures says how often each person has "
        "each attribute. With it, the answer to *who* **implies** the attributes: q(a|x) adds up what all people have, "
        "each as far as the network takes the picture for them.\n\n"
        "Two small networks read each picture: one learned both tasks side by side, the other with distribution "
        "matching, which charges it for p being away from q. Both know the same people. **Everybody is drawn.**",
        (
            "Step through the pictures of a person. When is the answer wrong, and who is it taken for?",
            "Turn the head, move the lamp. Who gives way first, the identity or the attributes?",
            "Move the smile from 0 to 1. p(Smiling) follows; why does q hardly move?",
            "Put a beard on somebody. p(No Beard) falls; when does q fall too?",
            "Choose a **stranger** at the end of the list. Whose attributes does q imply?",
            "Compare the matching loss of the two networks.",
        ),
        "Attributes that stay with a person (hair, face shape) are implied well; what changes from picture to picture "
        "(a smile, an open mouth) is not, so q lies near how often the person does it. q moves where the picture is "
        "taken for somebody else. Glasses are rare among these people, so both networks often miss them. The one "
        "trained with matching contradicts itself less: that is what it was trained for, and no proof that it is more "
        "often right. "
        "For a stranger q speaks of somebody else. Whether the coupling pays is for the study with many seeds.",
        people_view,
    ),
)

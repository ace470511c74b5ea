"""The Coupling lab's "Who is it?": two networks that recognise drawn people read a picture that the user changes."""

import numpy as np
import streamlit as st

from fbn.errors import FbnError
from fbn.studies.faces_demo import LOOKS, NETWORKS, DrawnPeople, PersonReading, changed, looks_of
from fbn.synthetic.parameters import Face
from fbn.synthetic.render import render
from fbn.ui import charts
from fbn.ui.coupling import charts as coupling_charts
from fbn.ui.widgets import choose_one
from fbn.vocabulary import AU_INDEX

_PERSON, _PICTURE = "lab person", "lab picture"
#: Number of attributes in the figure, more would not fit on a phone; those that the controls change come first.
_SHOWN = 10
_CHANGED = ("Smiling", "Eyeglasses", "No_Beard", "Wearing_Lipstick")
#: Width of a picture in pixels; two fit side by side on a phone.
_SIDE = 160
_LOSS_HELP = "✓ right, ✗ wrong. Matching loss: how far p and q are apart, summed over attributes; 0: they agree."
_COLUMNS = {
    "p": ("p: seen", "p(a|x): probability of the attribute as the network sees it."),
    "q": ("q: implied", "q(a|x): sum over all people of p(it is them) times how often they have the attribute."),
    "loss": ("loss", "What distribution matching (KL) charges for p being away from q; 0 where they agree."),
    "true": ("drawn", "Whether the picture was drawn with the attribute."),
}


@st.cache_resource(show_spinner="Loading the networks…")
def drawn_people() -> DrawnPeople:
    """Return the drawn people, loaded once per server."""
    return DrawnPeople.read()


@st.cache_data(show_spinner=False, max_entries=200)
def portrait(person: int) -> np.ndarray:
    """Return a picture of a person as drawn for training, [160, 160, 3] uint8 RGB."""
    return render(drawn_people().world.draw(person).face, 160).image


def people_view() -> None:
    """Draw the controls, the picture, and what both networks say of it."""
    try:
        people = drawn_people()
    except FbnError as error:
        st.error(f"The networks of drawn people cannot be loaded: {error}")
        return
    face = _changed_face(people)
    readings = people.read_faces([face])[0]
    person = st.session_state[_PERSON]
    guess = int(readings["match"].top(1)[0][0])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(render(face, 224).image, "The picture, as changed", width=_SIDE)
        st.image(portrait(guess), f"With matching: person {guess}", width=_SIDE)
        st.markdown(_answer(person, readings, person in people.strangers), width=280, help=_LOSS_HELP)
    _who(readings)
    _attributes(people, face, readings)
    _about(people)


def _next(step: int) -> None:
    st.session_state[_PICTURE] = max(0, st.session_state.get(_PICTURE, 0) + step)


def _changed_face(people: DrawnPeople) -> Face:
    """Draw the controls and return the face they describe."""
    choices = [*people.known, *people.strangers]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        person = st.selectbox(
            "Person",
            choices,
            format_func=lambda number: f"Person {number}{' (stranger)' * (number in people.strangers)}",
            key=_PERSON,
            help="Everybody here is drawn. Strangers: the networks saw no picture of them.",
        )
        number = st.session_state.setdefault(_PICTURE, 0)
        st.button("Previous picture", icon=":material/arrow_back:", on_click=_next, args=(-1,), disabled=number == 0)
        st.button("Next picture", icon=":material/arrow_forward:", on_click=_next, args=(1,))
    face = people.held_out(person, number).face
    # other keys for each picture: its widgets begin at its own values
    key = f"lab face {person} {number}"
    columns = st.columns(3)
    yaw = columns[0].slider("Turn of the head", -45.0, 45.0, float(round(face.scene.yaw)), 1.0, "%g°", key=f"{key} yaw")
    light = columns[1].slider(
        "Lamp: left or right", -90.0, 90.0, float(round(face.scene.light[0])), 1.0, "%g°", key=f"{key} light"
    )
    smile = columns[2].slider(
        "Smile",
        0.0,
        1.0,
        round(max(face.action_units[AU_INDEX[12]]), 2),
        0.01,
        key=f"{key} smile",
        help="AU12: how far the lip corners are pulled up.",
    )
    looks = st.pills(
        "Looks", list(LOOKS), selection_mode="multi", default=looks_of(face.appearance), key=f"{key} looks"
    )
    return changed(face, looks, yaw, light, smile)


def _answer(person: int, readings: dict[str, PersonReading], stranger: bool) -> str:
    """Say who the networks take the person for, and by how much both contradict themselves."""
    lines = [f"**It is person {person}**" + (", a stranger to both networks." if stranger else ".")]
    for name, reading in readings.items():
        guess, probability = reading.top(1)[0]
        mark = "" if stranger else " ✓" if int(guess) == person else " ✗"
        said = f"{NETWORKS[name]}: person {int(guess)} ({probability:.0%}){mark}"
        lines.append(f"{said}; matching loss **{reading.loss.sum():.1f}**")
    return "\n\n".join(lines)


def _who(readings: dict[str, PersonReading]) -> None:
    st.markdown("**Who is it?** p(id|x)", help="Probability that it is each person; the five most likely ones.")
    names = list(dict.fromkeys(name for reading in readings.values() for name, _ in reading.top()))
    best = {name: max(float(r.identity[r.people.index(name)]) for r in readings.values()) for name in names}
    names = sorted(names, key=lambda name: -best[name])[:5]
    series = {
        NETWORKS[name]: reading.identity[[reading.people.index(each) for each in names]]
        for name, reading in readings.items()
    }
    _bars([f"person {int(name)}" for name in names], series, "p(id|x)", "lab who")


def _attributes(people: DrawnPeople, face: Face, readings: dict[str, PersonReading]) -> None:
    st.markdown(
        "**Which attributes?** p(a|x) seen, q(a|x) implied",
        help="Attributes are visible traits as CelebA names them. p: what the network sees of them in the picture. "
        "q: what its own answer to who it is implies, by how often each person has them. ✓: drawn in the picture.",
    )
    chosen = choose_one("Network", NETWORKS, "lab network")
    reading, shown = readings[chosen], list(dict.fromkeys((*_CHANGED, *people.telling)))[:_SHOWN]
    at, true = [reading.attributes.index(name) for name in shown], people.attributes(face)
    labels = [f"{name.replace('_', ' ')}{' ✓' * true[name]}" for name in shown]
    _bars(labels, {"p: seen": reading.p[at], "q: implied": reading.q[at]}, "probability", "lab attributes")
    with st.expander("All attributes, the largest loss first", icon=":material/table_rows:"):
        frame = reading.frame().assign(true=lambda rows: [true[name] for name in rows.index])
        frame.index = frame.index.str.replace("_", " ")
        number = {name: "%.3f" if name == "loss" else "%.2f" for name in ("p", "q", "loss")}
        config = {
            name: st.column_config.NumberColumn(title, help=tip, format=number[name])
            if name in number
            else st.column_config.CheckboxColumn(title, help=tip)
            for name, (title, tip) in _COLUMNS.items()
        }
        st.dataframe(frame, column_config=config, height=320)


def _bars(labels: list[str], series: dict[str, np.ndarray], title: str, key: str) -> None:
    figure = coupling_charts.bars(labels, series, title).update_layout(height=280)
    st.plotly_chart(figure, config=charts.CONFIG, key=key, alt=charts.alt_text(figure.to_dict()))


def _about(people: DrawnPeople) -> None:
    accuracy = {NETWORKS[name]: people.about.figures[name]["known/identity_accuracy"] for name in people.networks}
    told = ", ".join(f"{name.lower()} {value:.0%}" for name, value in accuracy.items())
    st.caption(
        f"Held-out pictures of {len(people.known)} people recognised: {told}; guessing "
        f"{people.about.chance['known/identity_accuracy']:.1%}. Everybody is drawn: fbn ships no network that "
        "recognises real people, and saves none."
    )

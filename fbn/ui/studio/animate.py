"""The studio's Animate view: from one expression to another, as a GIF."""

import streamlit as st

from fbn.synthetic.parameters import Face
from fbn.synthetic.render import render
from fbn.ui.studio import animation
from fbn.ui.studio import face as studio
from fbn.ui.studio.state import Studio, current
from fbn.vocabulary import Expression

_MADE = "studio animation"  # (what was asked for, the GIF)
_SIZE = 256
_OWN = "the face under Draw"


def animation_view() -> None:
    """Choose two ends, make the clip, look at it, save it."""
    state = current()
    choices = [_OWN, *state.table.categories]
    left, right = st.columns([2, 3], gap="large")
    with left:
        with st.container(horizontal=True):
            first = st.selectbox("From", choices, choices.index(Expression.NEUTRAL), format_func=_name, key="gif from")
            last = st.selectbox("To", choices, 0, format_func=_name, key="gif to")
        intensity = st.slider("Intensity", 0.1, 1.0, 0.8, 0.05, key="gif intensity", help="Of the expressions chosen.")
        seconds = st.slider("Way there (seconds)", 0.2, 2.0, 0.6, 0.1, key="gif seconds", format="%.1f s")
        hold = st.slider("Stay at each end (seconds)", 0.1, 2.0, 0.6, 0.1, key="gif hold", format="%.1f s")
        back = st.toggle("And back", True, key="gif back", help="Returns, so that it can be looped without a jump.")
        asked = (_end(state, first, intensity), _end(state, last, intensity), seconds, hold, back)
        if st.button("Make the animation", type="primary", icon=":material/animation:"):
            with st.spinner("Drawing the frames…"):
                st.session_state[_MADE] = (asked, _gif(*asked))
    with right:
        known, file = st.session_state.get(_MADE, (None, b""))
        if known != asked:
            st.info("Choose two faces and how long it takes, then make the animation.", icon=":material/animation:")
            return
        words = f"{_name(first)} to {_name(last)}"
        st.image(file, caption=f"{words}, {animation.RATE:g} frames per second", alt=f"A drawn face moves: {words}")
        name = f"fbn-{first}-to-{last}.gif".replace(_OWN, "own").replace(" ", "-")
        st.download_button(
            f"Download GIF ({len(file) / 1000:,.0f} kB)",
            file,
            name,
            "image/gif",
            icon=":material/download:",
            on_click="ignore",
        )


def _name(choice: str) -> str:
    return choice[0].upper() + choice[1:]


def _end(state: Studio, choice: str, intensity: float) -> Face:
    return state.face if choice == _OWN else studio.preset(state.face, state.table, choice, intensity)


def _gif(first: Face, last: Face, seconds: float, hold: float, back: bool) -> bytes:
    path = animation.frames(first, last, seconds, hold, back)
    # the way back shows the same faces again: drawn once
    images = {face: render(face, _SIZE).image for face in {face for face, _ in path}}
    return animation.gif_bytes([images[face] for face, _ in path], [shown for _, shown in path])

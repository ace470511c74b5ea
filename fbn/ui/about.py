"""The About page: limits first, then the picked model's card."""

import re

import streamlit as st

from fbn import __version__
from fbn.errors import FbnError
from fbn.models import store
from fbn.ui.shell import model_name


def limits() -> None:
    """What it is, and what it must not be used for."""
    left, right = st.columns(2, gap="large")
    left.markdown(
        "## What the numbers mean\n"
        "They describe what a face **shows**, as trained coders and raters would label a picture of it. People smile "
        "without joy and are sad without a frown: no number here says what somebody feels, thinks or intends.\n\n"
        "The network is weaker on faces unlike those it learned from: turned far away, partly covered, in poor light, "
        "or of ages and origins that its training pictures show too rarely."
    )
    right.markdown(
        "## It must not be used\n"
        "- to decide on hiring, schooling, credit, insurance, policing, borders or court cases\n"
        "- to detect lies, intentions, illness or danger\n"
        "- to watch people who do not know of it or did not agree\n"
        "- for anything that the law of your place forbids, such as reading emotions at work and in schools in the EU"
    )
    st.markdown(
        "## Your pictures\nPictures, videos and the webcam are read on the machine that runs this app. Nothing is "
        "sent elsewhere. Live and Analyse keep no picture once you close the page. What you record on Live (numbers, "
        "no pictures), what you add on Compound, and tables, jobs and models that you save, stay in fbn's folder on "
        "that machine until you delete them."
    )
    st.markdown(
        f"## Terms\nCode (fbn {__version__}): MIT licence. Trained weights: for research, under the terms of the "
        "data sets they were trained on, listed in the model card below."
    )


def model_card() -> None:
    """The picked model's card."""
    st.divider()
    try:
        card = store.card(model_name())
    except (FbnError, OSError) as error:
        st.warning(f"No model card to show: {error}")
        return
    with st.container(key="card"):
        # its title ranks with this page's own headings
        st.markdown(re.sub(r"(?m)^#", "##", card) or "This model came without a card.")

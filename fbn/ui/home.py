"""The sections of the Home and About pages."""

import re

import streamlit as st

from fbn import __version__
from fbn.errors import FbnError
from fbn.inference.uploads import Preview
from fbn.models import store
from fbn.ui import shell
from fbn.ui.panels import show_picture

_PAGES = (
    ("live", "Allow the webcam and see your face read as you look."),
    ("analyse", "Give pictures or a video, get figures and a table."),
    ("compound", "Name mixed expressions; teach it yours with a few labelled pictures."),
    ("studio", "Move one muscle of a drawn face; see it and its reading change."),
    ("relatedness", "Say which muscles go with which expression; see what the change does."),
    ("coupling", "Seven steps on how tasks teach each other; the last one asks who it is."),
    ("study", "Do the couplings pay? Every way of training, with seeds and intervals."),
    ("about", "What the numbers mean, and what they must not be used for."),
)
_IN_A_ROW = 4


def page_cards() -> None:
    """Draw a card for each page."""
    for first in range(0, len(_PAGES), _IN_A_ROW):
        for column, (page, description) in zip(st.columns(_IN_A_ROW), _PAGES[first : first + _IN_A_ROW], strict=False):
            with column.container(border=True, height="stretch"):
                st.page_link(shell.page(page), label=f"**{page.capitalize()}**")
                st.markdown(description)


def example() -> None:
    """Show the sample picture with the predictions of the picked model."""
    st.subheader("What a reading looks like")
    try:
        preview = _read_sample(shell.model_name())
    except FbnError as error:
        st.info(f"No model can be shown yet: {error}")
        return
    show_picture(preview)
    st.caption(shell.SAMPLE_CREDIT)


@st.cache_data(show_spinner="Reading the sample picture…", max_entries=4)
def _read_sample(model: str) -> Preview:
    image = shell.sample_picture()
    return Preview.of(image, shell.FaceAnalyser(model=model).picture(image))


def limits() -> None:
    """Show what the predictions mean, forbidden uses, privacy and licences."""
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
        "that machine until you delete them.\n\n"
        "No network here recognises real people: none is shipped, and fbn refuses to save one. The two networks of the "
        "Coupling lab's *Who is it?* know people that fbn drew, and nobody else."
    )
    st.markdown(
        f"## Terms\nCode (fbn {__version__}): MIT licence. Trained weights: for research, under the terms of the "
        "data sets they were trained on, listed in the model card below."
    )


def model_card() -> None:
    """Show the picked model's card."""
    st.divider()
    try:
        card = store.card(shell.model_name())
    except (FbnError, OSError) as error:
        st.warning(f"No model card to show: {error}")
        return
    with st.container(key="card"):
        # headings are lowered by one level, below the page's title
        st.markdown(re.sub(r"(?m)^#", "##", card) or "This model came without a card.")

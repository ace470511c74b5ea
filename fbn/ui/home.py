"""The Home page's parts."""

import streamlit as st

from fbn.errors import FbnError
from fbn.ui import shell
from fbn.ui.analyse.reading import Preview
from fbn.ui.panels import show_picture

_WAYS = (
    ("live", "Allow the webcam and see your face read as you look."),
    ("analyse", "Give pictures or a video, get figures and a table."),
    ("compound", "Name mixed expressions; teach it yours with a few labelled pictures."),
    ("studio", "Move one muscle of a drawn face; see it and its reading change."),
    ("relatedness", "Say which muscles go with which expression; see what the change does."),
    ("coupling", "Six steps on how expressions and action units teach each other."),
    ("study", "Do the couplings pay? Every way of training, with seeds and intervals."),
    ("about", "What the numbers mean, and what they must not be used for."),
)
_IN_A_ROW = 4


def ways_in() -> None:
    """A card for each page."""
    for first in range(0, len(_WAYS), _IN_A_ROW):
        for column, (page, words) in zip(st.columns(_IN_A_ROW), _WAYS[first : first + _IN_A_ROW], strict=False):
            with column.container(border=True, height="stretch"):
                st.page_link(shell.page(page), label=f"**{page.capitalize()}**")
                st.markdown(words)


def example() -> None:
    """The sample picture, read now by the picked model."""
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

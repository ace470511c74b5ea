"""The Home page's parts."""

import streamlit as st

from fbn.errors import FbnError
from fbn.ui import shell
from fbn.ui.jobs import Preview
from fbn.ui.panels import show_picture

_WAYS = (
    ("live", "Allow the webcam and see your face read as you look."),
    ("analyse", "Give pictures or a video, get figures and a table."),
    ("studio", "Move one muscle of a drawn face; see it and its reading change."),
    ("about", "What the numbers mean, and what they must not be used for."),
)


def ways_in() -> None:
    """A card for each page."""
    for column, (page, words) in zip(st.columns(len(_WAYS)), _WAYS, strict=True):
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

"""The frame around every page: navigation and the model picker; and the analysers and pictures that pages need."""

from collections.abc import Hashable
from contextvars import ContextVar
from io import BytesIO
from typing import Literal

import cv2
import numpy as np
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from fbn.compound import CompoundClasses
from fbn.errors import FbnError
from fbn.faces.files import printable
from fbn.faces.pictures import decode_picture, png_bytes
from fbn.inference import Affect, FaceAnalyser
from fbn.inference.uploads import Upload
from fbn.models import store
from fbn.resources import shipped
from fbn.ui import html

#: Container of the page's title while ``route`` runs a page.
_header: ContextVar[DeltaGenerator | None] = ContextVar("header", default=None)

# one thread each: the video encoder, the network and the page share the processor
torch.set_num_threads(1)
cv2.setNumThreads(1)


_ICONS = {
    "home": "home",
    "live": "videocam",
    "analyse": "image_search",
    "compound": "theater_comedy",
    "studio": "brush",
    "relatedness": "table_chart",
    "coupling": "school",
    "study": "science",
    "about": "info",
}


def page(name: str) -> st.Page:
    """Return a page by the name of its script, which is also its URL path."""
    icon = f":material/{_ICONS[name]}:"
    return st.Page(shipped(f"pages/{name}.py"), title=name.capitalize(), icon=icon, default=name == "home")


def route() -> None:
    """Show the page that the URL names, inside the frame."""
    st.set_page_config(page_title="FaceBehaviorNet", page_icon=shipped("assets/icon.png"), layout="wide")
    # popovers are drawn outside the app's element, which alone has the colour scheme of the theme
    scheme = st.context.theme.type or "normal"
    st.html(f"{html.STYLE}<style>#stFloatingOverlayPortal{{color-scheme:{scheme}}}</style>")
    picked = st.navigation([page(name) for name in _ICONS], position="top")
    title, model = st.columns([3, 1], vertical_alignment="bottom")
    with model:
        _pick_model()
    token = _header.set(title)
    try:
        picked.run()
    finally:
        _header.reset(token)


def enter(title: str) -> None:
    """Show a page's title; the first call of every page.

    On a server that has just started, a deep link such as ``/live`` makes Streamlit run the page's script directly,
    with Streamlit's default menu. Then ``route`` is called, which runs the page again inside the frame.
    """
    header = _header.get()
    if header is None:
        route()
        st.stop()
    header.title(title)


def _pick_model() -> None:
    names = store.names()
    if names:
        st.selectbox("Model", names, key="model", help="The trained network that reads the faces; see About.")
    else:
        st.error("No model is installed. Put a model folder where FBN_MODELS points, and reload.")


def model_name() -> str:
    """Return the name of the picked model."""
    return st.session_state.get("model") or store.default()


def model_state() -> tuple[str, str]:
    """Return the picked model's name and checksum, which changes if a model is replaced under its name."""
    name = model_name()
    try:
        return name, store.manifest(name).sha256.get(store.ONNX, "")
    except FbnError:  # the page shows the error when it loads the model
        return name, ""


def make_analyser(
    smooth: Literal["median", "one_euro"] | None, compounds: CompoundClasses | None = None
) -> FaceAnalyser:
    """Create an analyser with the picked model; if that fails, show the error and stop the page."""
    try:
        return FaceAnalyser(model=model_name(), smooth=smooth, threads=1, compounds=compounds)
    except FbnError as error:
        st.error(f"The model cannot be used: {error}")
        st.stop()


def read_face(page: str, identifier: Hashable, image: np.ndarray, is_crop: bool) -> Affect | None:
    """Return the picked model's predictions for a face crop, or for the largest face of a picture.

    A page's last predictions are cached, until the model is replaced.

    Args:
        page: key of the page.
        identifier: of the picture.
        image: [H, W, 3] uint8 RGB.
        is_crop: whether it is a face crop; otherwise the result may be None.
    """
    state, model = st.session_state, model_name()
    if state.get(f"{page} reading", (None, None))[0] != (identifier, model):
        if state.get(f"{page} model") != model:
            state[f"{page} analyser"], state[f"{page} model"] = make_analyser(None), model
        analyser: FaceAnalyser = state[f"{page} analyser"]
        if is_crop:
            affect: Affect | None = analyser.crops([image])[0]
        else:
            faces = analyser.picture(image).faces
            affect = max(faces, key=lambda face: face.box.area).affect if faces else None
        state[f"{page} reading"] = ((identifier, model), affect)
    reading: Affect | None = state[f"{page} reading"][1]
    return reading


def read_upload(upload: Upload) -> np.ndarray:
    """Decode an uploaded picture to [H, W, 3] uint8 RGB; if that fails, show the error and stop the page."""
    try:
        return decode_picture(BytesIO(upload.getvalue()), printable(upload.name), lambda note: None)
    except FbnError as error:
        st.error(str(error), icon=":material/broken_image:")
        st.stop()


#: Credit of the sample picture.
SAMPLE_CREDIT = "Eileen Collins, astronaut. Portrait by NASA, public domain, out of scikit-image."


def sample_picture() -> np.ndarray:
    """Return the built-in sample picture, [512, 512, 3] uint8 RGB."""
    from skimage.data import astronaut

    return astronaut()


def sample_file() -> bytes:
    """Return the built-in sample picture as a PNG file."""
    return png_bytes(sample_picture())

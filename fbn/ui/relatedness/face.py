"""What an edit does to one face at once, before any training: a drawn face, the sample, a picture or the webcam."""

from collections.abc import Hashable

import numpy as np
import streamlit as st

from fbn.inference import Affect
from fbn.inference.effect import predictions_of
from fbn.records import Annotations
from fbn.relatedness.formats import CATEGORIES
from fbn.synthetic import editing as studio
from fbn.synthetic.activity import coded
from fbn.synthetic.parameters import Face
from fbn.ui import shell
from fbn.ui.effect_view import effect_view
from fbn.ui.relatedness.edit import cell_panel, editable_heatmap
from fbn.ui.relatedness.files import bar, messages
from fbn.ui.relatedness.state import compared, draft
from fbn.ui.shell import read_upload
from fbn.vocabulary import AU_NUMBERS, EXPRESSIONS

_SOURCES = ["Drawn face", "Sample", "Upload", "Take a photo"]
#: Side of the picture shown, pixels.
_SHOWN = 260


def face_view() -> None:
    """A face, the table's basic expressions to edit beside it, and what the table makes of the face."""
    bar()
    messages()
    picture, table = st.columns([7, 13], gap="large")
    with picture:
        read = _choose()
    with table:
        st.caption("Change a weight here and see below what it does to this face.")
        editable_heatmap(compounds=False, key="rel face heatmap")
        cell_panel()
    if read is None:
        st.info("What the table makes of the face appears here once there is one.", icon=":material/face:")
        return
    affect, labels = read
    now, (name, base) = draft(), compared()
    against = "" if base == now.parent[1] else name
    effect_view(predictions_of(affect), now.table, base, labels, key="rel effect", against=against)


def _choose() -> tuple[Affect, Annotations | None] | None:
    """What the network reads in the chosen face, and its true labels where it was drawn; None without a face."""
    source = st.segmented_control("Face", _SOURCES, default=_SOURCES[0], required=True, key="rel face source")
    if source == "Drawn face":
        return _drawn()
    if source == "Sample":
        image, known = shell.sample_picture(), "sample"
        st.image(image, width=_SHOWN, alt="The sample picture: portrait of an astronaut who smiles")
        st.caption(shell.SAMPLE_CREDIT)
    else:
        widget = st.file_uploader if source == "Upload" else st.camera_input
        upload = widget("A picture of a face", key=f"rel face {source}")
        if upload is None:
            return None
        image, known = read_upload(upload), upload.file_id
        st.image(image, width=_SHOWN, alt="The picture you chose")
    affect = _read(known, image, whole=True)
    if affect is None:
        st.warning("No face was found in this picture.", icon=":material/face:")
        return None
    return affect, None


def _drawn() -> tuple[Affect, Annotations | None] | None:
    name, table = compared()
    known = [category for category in CATEGORIES if category in table.categories]
    category = st.selectbox(
        "It shows", known, known.index("fear") if "fear" in known else 0, format_func=str.capitalize
    )
    strength = st.slider("How strongly", 0.0, 1.0, 0.8, 0.05, key="rel face strength")
    face = studio.preset(Face(), table, category, strength)
    image = studio.picture(face).image
    st.image(image, width=_SHOWN, alt=f"A drawn face that shows {category}")
    st.caption(f"{category.capitalize()} at {strength:.0%}, drawn by {name}: it stays as you edit.")
    affect = _read(face, image, whole=False)
    units = dict(zip(AU_NUMBERS, coded(face.intensities).tolist(), strict=True))
    labels = Annotations.of(category, units) if category in EXPRESSIONS else None
    return None if affect is None else (affect, labels)


def _read(known: Hashable, image: np.ndarray, whole: bool) -> Affect | None:
    """The largest face of a whole picture, or a crop, as the picked model reads it; read once."""
    state, key = st.session_state, (known, shell.model_name())
    if state.get("rel reading", (None, None))[0] != key:
        if state.get("rel reader", (None, None))[0] != key[1]:
            state["rel reader"] = (key[1], shell.make_analyser(None))
        reader = state["rel reader"][1]
        if whole:
            faces = reader.picture(image).faces
            affect = max(faces, key=lambda face: face.box.width * face.box.height).affect if faces else None
        else:
            affect = reader.crops([image])[0]
        state["rel reading"] = (key, affect)
    found: Affect | None = state["rel reading"][1]
    return found

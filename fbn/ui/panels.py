"""Parts that pages share: one face's reading, and how a face is named."""

import cv2
import numpy as np
import streamlit as st

from fbn.faces.align import align
from fbn.inference import Affect, FaceResult, overlay
from fbn.ui import marks
from fbn.ui.jobs import Preview
from fbn.vocabulary import ACTION_UNITS

EXPRESSION_HELP = "One of seven expressions; the shares sum to 100 %. It says what a face shows, not what one feels."
CIRCUMPLEX_HELP = (
    "Valence: from unpleasant (−1) to pleasant (+1). Arousal: from calm (−1) to excited (+1). "
    "The dots trail behind the face's last moments."
)
ACTION_UNIT_HELP = (
    "Action units (AU) are visible movements of the face, each by certain muscles, numbered in the Facial Action "
    "Coding System. A bar is the probability that the movement is there; the line at 50 % decides. "
    "Point at a name to read which muscle moves what."
)


def face_name(face: FaceResult) -> str:
    """E.g. ``Face 0: happiness``."""
    return f"Face {face.face_id}: {face.affect.label or 'read'}"


def expression_panel(affect: Affect) -> None:
    """Seven bars under their title."""
    st.markdown("**Expression**", help=EXPRESSION_HELP)
    st.html(marks.expression_bars(affect.expression))


def circumplex_panel(trail: tuple[tuple[float, float], ...]) -> None:
    """The circumplex under its title, the numbers below it."""
    st.markdown("**Valence and arousal** (−1 … 1)", help=CIRCUMPLEX_HELP)
    st.html(marks.circumplex(trail))


def action_unit_panel(affect: Affect) -> None:
    """Seventeen bars under their title and the names of those that are there."""
    there = [u.short for u, value in zip(ACTION_UNITS, affect.action_units, strict=True) if value > 0.5]
    st.markdown(f"**Action units**: {', '.join(there) or 'none above 50 %'}", help=ACTION_UNIT_HELP)
    st.html(marks.action_unit_bars(affect.action_units))


def face_panel(image: np.ndarray, face: FaceResult) -> None:
    """Everything read from one face. ``image``: [H, W, 3] uint8 RGB frame that the face's pixels refer to."""
    affect = face.smoothed or face.affect
    valence, arousal = (float(value) for value in affect.valence_arousal)
    crop, bars, plane = st.columns([1, 2, 2], gap="large")
    with crop:
        st.image(cv2.resize(align(image, face.landmarks), (224, 224), interpolation=cv2.INTER_CUBIC), width=160)
        label = affect.label.capitalize() if affect.label else ""
        st.markdown(f"**{label}**  \nvalence {valence:+.2f}  \narousal {arousal:+.2f}")
        st.caption(f"Found with {face.score:.0%} confidence.")
    with bars:
        expression_panel(affect)
    with plane:
        circumplex_panel(((valence, arousal),))
    action_unit_panel(affect)


def show_picture(preview: Preview, key: str = "picture") -> FaceResult | None:
    """A frame with its drawing, and the panels of one of its faces, which is returned; None where there is none."""
    image, result = preview.image(), preview.result
    st.image(overlay.draw(image, result, panels=False), width=min(640, image.shape[1]), output_format="JPEG")
    if not result.faces:
        st.info("No face was found in this frame.", icon=":material/face:")
        return None
    faces = {face.face_id: face for face in sorted(result.faces, key=lambda face: -face.box.area)}
    picked = next(iter(faces))
    if len(faces) > 1:
        names = {face_id: face_name(face) for face_id, face in faces.items()}
        picked = st.segmented_control(  # type: ignore[assignment]  # required: never None
            "Face", list(faces), default=picked, required=True, format_func=names.__getitem__, key=f"face of {key}"
        )
    face_panel(image, faces[picked])
    return faces[picked]

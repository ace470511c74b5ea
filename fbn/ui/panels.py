"""Parts that pages share: one face's reading, and how a face is named."""

import cv2
import numpy as np
import streamlit as st

from fbn.faces.align import align
from fbn.inference import Affect, FaceResult, FrameResult, overlay
from fbn.ui import marks
from fbn.ui.analyse.reading import Preview
from fbn.ui.live.session import point
from fbn.ui.scores import compound_panel, terms_panel
from fbn.vocabulary import ACTION_UNITS, DECISION

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
    if affect.label is None:
        st.caption("This model does not read expressions.")
        return
    st.html(marks.expression_bars(affect.expression))


def circumplex_panel(trail: tuple[tuple[float, float], ...]) -> None:
    """The circumplex under its title, the numbers below it."""
    st.markdown("**Valence and arousal** (−1 … 1)", help=CIRCUMPLEX_HELP)
    if trail and np.isnan(trail[-1]).any():
        st.caption("This model does not read valence and arousal.")
        return
    st.html(marks.circumplex(trail))


def action_unit_panel(affect: Affect) -> None:
    """Seventeen bars under their title and the names of those that are there."""
    if np.isnan(affect.action_units).any():
        st.markdown("**Action units**")
        st.caption("This model does not read action units.")
        return
    there = [u.short for u, value in zip(ACTION_UNITS, affect.action_units, strict=True) if value >= DECISION]
    st.markdown(f"**Action units**: {', '.join(there) or 'none from 50 % on'}", help=ACTION_UNIT_HELP)
    st.html(marks.action_unit_bars(affect.action_units))


def picture_width(height: int, width: int) -> int:
    """Pixels across which a picture is shown: its column's width, less where it would be tall or coarse."""
    return round(width * min(640 / width, 720 / height, 2))


def show_picture(preview: Preview, key: str = "picture", compounds: bool = False) -> FaceResult | None:
    """A frame with its drawing, and all that was read from one of its faces.

    Args:
        preview: the frame.
        key: another one for each on a page.
        compounds: the face's compound expressions too, where they were read.

    Returns:
        That face; None where there is none.
    """
    image, result = preview.image(), preview.result
    left, right = st.columns([3, 2], gap="large")
    with left:
        drawn, width = overlay.draw(image, result, panels=False), picture_width(*image.shape[:2])
        found = ", ".join(map(face_name, result.faces)) or "no face"
        st.image(drawn, width=width, output_format="JPEG", alt=f"The picture with what was found: {found}")
    with right:
        if not result.faces:
            st.info("No face was found in this frame.", icon=":material/face:")
            return None
        face = _choose_face(result, key)
        _summary(image, face)
        affect = face.smoothed or face.affect
        expression_panel(affect)
        circumplex_panel((point(face),))
    if compounds and affect.scorer:
        left, right = st.columns(2, gap="large")
        with left:
            compound_panel(affect)
        with right:
            terms_panel(affect)
    action_unit_panel(affect)
    return face


def _choose_face(result: FrameResult, key: str) -> FaceResult:
    faces = {face.face_id: face for face in sorted(result.faces, key=lambda face: -face.box.area)}
    picked = next(iter(faces))
    if len(faces) > 1:
        names = {face_id: face_name(face) for face_id, face in faces.items()}
        picked = st.segmented_control(  # type: ignore[assignment]  # required: never None
            "Face", list(faces), default=picked, required=True, format_func=names.__getitem__, key=f"face of {key}"
        )
    return faces[picked]


def _summary(image: np.ndarray, face: FaceResult) -> None:
    """The aligned face as the network sees it, its label, its numbers."""
    valence, arousal = point(face)
    label = (face.smoothed or face.affect).label
    with st.container(horizontal=True, vertical_alignment="center"):
        aligned = cv2.resize(align(image, face.landmarks), (224, 224), interpolation=cv2.INTER_CUBIC)
        st.image(aligned, width=104, alt="The face, turned upright and cropped as the network sees it")
        st.markdown(
            f"**{label.capitalize() if label else 'Face'}**  \nvalence {valence:+.2f}, arousal {arousal:+.2f}  \n"
            f":gray[found with {100 * face.score:.0f} % confidence]",
            width="content",
        )

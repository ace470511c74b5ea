"""Panels that pages share: the predictions for a face, and the choice of compound expressions."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
import streamlit as st

from fbn.compound import CompoundClasses, names
from fbn.errors import FbnError
from fbn.faces.align import align
from fbn.inference import Affect, FaceResult, FrameResult, overlay
from fbn.inference.breakdown import ClassScore, breakdown
from fbn.inference.uploads import Preview
from fbn.models import store
from fbn.tasks import AFFECT_TASKS
from fbn.ui import html
from fbn.ui.palette import ACCENT, GREEN, ORANGE
from fbn.ui.widgets import choose_one, controlled
from fbn.vocabulary import ACTION_UNITS, DECISION

_EXPRESSION_HELP = "One of seven expressions; the shares sum to 100 %. It says what a face shows, not what one feels."
_CIRCUMPLEX_HELP = (
    "Valence: from unpleasant (−1) to pleasant (+1). Arousal: from calm (−1) to excited (+1). "
    "The dots trail behind the face's last moments."
)
_ACTION_UNIT_HELP = (
    "Action units (AU) are visible movements of the face, each by certain muscles, numbered in the Facial Action "
    "Coding System. A bar is the probability that the movement is there; the line at 50 % decides. "
    "Point at a name to read which muscle moves what."
)
#: Titles of the built-in sets of classes.
SETS = {
    "rafdb": "RAF-DB: 11 compounds",
    "emotionet": "EmotioNet: 6 basic, 10 compound",
    "du2014": "Du 2014: 15 compounds",
}
_OFF, _LEARNT = "off", "learnt"
_PICK_HELP = (
    "Two expressions at once, such as happily surprised. Any model names them without having learnt them, from its "
    "expressions, action units and valence; the sets differ in what there is to choose from. Your own sets are tables "
    "with compound rows from the Relatedness page."
)
_LACKING = "The picked model does not read expressions, action units and valence, which compounds are scored by."
_COMPOUND_HELP = (
    "The likeliest of the picked set; colours are those of the two expressions. None of these: a single expression "
    "explains the face better than each of them. Point at a name, or freeze, to see the three terms."
)
_TERMS_HELP = (
    "Action units: how far those of the class are there, by the relatedness table. Expressions: how probable its two "
    "expressions are. Valence: 1 where a pleasant face speaks for the class. Learnt: what training on such pictures "
    "added. Their sum is the score; shares are a softmax of all scores. Starred: the class' name says nothing "
    "of expressions, so its terms are the others' mean."
)
_TERM_COLOURS = {"Action units": ACCENT, "Expressions": ORANGE, "Valence": GREEN}


@dataclass(frozen=True)
class CompoundChoice:
    """The user's choice of compound expressions.

    Attributes:
        shown: whether compound expressions are shown.
        classes: classes for zero-shot scores; None for the classes that the model was trained on, or if none is shown.
    """

    shown: bool = False
    classes: CompoundClasses | None = None


def pick_compounds(model: str, key: str) -> CompoundChoice:
    """Pick compound classes: off, a set, a saved table, or the model's trained classes, the default if it has any.

    Args:
        model: name of the picked model.
        key: unique to each page.
    """
    try:
        manifest = store.manifest(model)
    except FbnError:  # the page shows the error when it loads the model
        return CompoundChoice()
    is_supported, learnt = set(manifest.tasks) == set(AFFECT_TASKS), manifest.classes
    options = ([_OFF, *([_LEARNT] if learnt else []), *names()]) if is_supported else [_OFF]
    titles = SETS | {_OFF: "Off", _LEARNT: f"Learnt by {model}: {len(learnt)} classes"}
    state = f"{key} of {model}"
    name = st.session_state.get(state, _LEARNT if learnt else _OFF)
    chosen = controlled(
        st.selectbox,
        "Compound expressions",
        name if name in options else _OFF,
        lambda picked: st.session_state.update({state: picked}),
        f"{key} set",
        options=options,
        format_func=lambda name: titles.get(name, f"{name}: your table"),
        help=_PICK_HELP if is_supported else _LACKING,
        disabled=not is_supported,
    )
    if chosen in (_OFF, _LEARNT):
        return CompoundChoice(chosen == _LEARNT)
    try:
        return CompoundChoice(True, CompoundClasses.named(chosen))
    except FbnError as error:
        st.error(f"{chosen} cannot be used: {error}")
        return CompoundChoice()


def face_name(face: FaceResult) -> str:
    """Return a title such as ``Face 0: happiness``."""
    return f"Face {face.face_id}: {face.affect.label or 'read'}"


def expression_panel(affect: Affect) -> None:
    """Draw seven bars with a title."""
    st.markdown("**Expression**", help=_EXPRESSION_HELP)
    if affect.label is None:
        st.caption("This model does not read expressions.")
        return
    st.html(html.expression_bars(affect.expression))


def circumplex_panel(trail: tuple[tuple[float, float], ...]) -> None:
    """Draw the circumplex with a title; ``trail`` as in ``html.circumplex``."""
    st.markdown("**Valence and arousal** (−1 … 1)", help=_CIRCUMPLEX_HELP)
    if trail and np.isnan(trail[-1]).any():
        st.caption("This model does not read valence and arousal.")
        return
    st.html(html.circumplex(trail))


def action_unit_panel(affect: Affect) -> None:
    """Draw seventeen bars with a title that names the active action units."""
    if np.isnan(affect.action_units).any():
        st.markdown("**Action units**")
        st.caption("This model does not read action units.")
        return
    active = [u.short for u, value in zip(ACTION_UNITS, affect.action_units, strict=True) if value >= DECISION]
    st.markdown(f"**Action units**: {', '.join(active) or 'none from 50 % on'}", help=_ACTION_UNIT_HELP)
    st.html(html.action_unit_bars(affect.action_units))


def compound_panel(affect: Affect) -> None:
    """Draw bars of the most probable compounds with a title."""
    st.markdown("**Compound expression**", help=_COMPOUND_HELP)
    st.html(html.compound_bars(breakdown(affect)))


def terms_panel(affect: Affect) -> None:
    """Draw a table of the terms of the compounds' scores with a title."""
    st.markdown("**What the scores are made of**", help=_TERMS_HELP)
    # st.dataframe needs twice the width of the column beside a video
    table = terms_table(breakdown(affect)).style.hide(axis="index").format(precision=2, escape="html")
    table = table.format("{:.0f} %", subset=["Share"]).set_uuid("terms")
    for name, colour in _TERM_COLOURS.items():
        table = table.bar(subset=[name], color=f"{colour}60", vmin=0, vmax=1)
    st.html(table.to_html(table_attributes='class="fbn-terms"'))


def terms_table(scores: Sequence[ClassScore]) -> pd.DataFrame:
    """Return one row per class, by descending probability: its terms, their sum, its probability in percent."""
    rows = [
        {
            "Class": score.display_name if score.parts else f"{score.display_name} *",
            "Action units": score.action_units,
            "Expressions": score.expressions,
            "Valence": score.valence,
            "Learnt": score.learnt,
            "Score": score.total,
            "Share": 100 * score.probability,
        }
        for score in sorted(scores, key=lambda score: -score.probability)
    ]
    table = pd.DataFrame(rows)
    return table if table["Learnt"].any() else table.drop(columns="Learnt")


def picture_width(height: int, width: int) -> int:
    """Return the width in pixels at which to show a picture: 640 at most, less for tall or small pictures."""
    return round(width * min(640 / width, 720 / height, 2))


def show_picture(preview: Preview, key: str = "picture", compounds: bool = False) -> FaceResult | None:
    """Show a frame with its overlay, and all predictions for one of its faces.

    Args:
        preview: the frame.
        key: unique on the page.
        compounds: whether to show compound expressions, if they were predicted.

    Returns:
        The face; None if no face was detected.
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
        affect = face.shown
        expression_panel(affect)
        circumplex_panel((tuple(affect.valence_arousal),))
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
        picked = choose_one("Face", names, f"face of {key}")
    return faces[picked]


def _summary(image: np.ndarray, face: FaceResult) -> None:
    """Show the aligned face, its label, valence and arousal, and the detection score."""
    (valence, arousal), label = face.shown.valence_arousal, face.shown.label
    with st.container(horizontal=True, vertical_alignment="center"):
        aligned = cv2.resize(align(image, face.landmarks), (224, 224), interpolation=cv2.INTER_CUBIC)
        st.image(aligned, width=104, alt="The face, turned upright and cropped as the network sees it")
        st.markdown(
            f"**{label.capitalize() if label else 'Face'}**  \nvalence {valence:+.2f}, arousal {arousal:+.2f}  \n"
            f":gray[found with {100 * face.score:.0f} % confidence]",
            width="content",
        )

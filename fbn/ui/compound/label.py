"""The Label view: pictures are labelled one at a time by click or key; each label is saved immediately."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any

import streamlit as st

from fbn.data.compound import read_labels
from fbn.data.picture_sets import PictureSet, PictureSets
from fbn.data.pictures import read_bytes
from fbn.data.thumbnails import file_thumbnail
from fbn.errors import FbnError
from fbn.ui.compound.shared import open_set, page_button

#: Keyboard keys of the first twenty classes; other classes can only be clicked.
KEYS = "1234567890qwertyuiop"
#: Pictures sent to the browser before and after the current one.
_BEFORE, _AFTER = 8, 18
_HERE = files("fbn") / "ui" / "compound"
_labeller = st.components.v2.component(
    "fbn_compound_labeller",
    html='<div class="labeller"></div>',
    css=(_HERE / "labeller.css").read_text("utf-8"),
    js=(_HERE / "labeller.js").read_text("utf-8"),
)


@dataclass
class LabellerState:
    """A user's position in a set.

    Attributes:
        at: index of the current picture.
        jump: increased when the server, not the browser, changes ``at``.
        sender, done: identifier of the browser's component, and the number of its last completed action. A reloaded
            page has a new identifier and counts from 1.
        problem: error message of the last action, or "".
    """

    at: int
    jump: int = 0
    sender: str = ""
    done: int = 0
    problem: str = ""


def label_view(picture_set: PictureSet) -> None:
    """Show the current picture, the classes, and neighbouring pictures."""
    if picture_set.data is not None:
        _offer_copy(picture_set)
        return
    try:
        names, labels, history = picture_set.files(), picture_set.labels.read(), picture_set.labels.history()
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    if not names:
        st.info("The set has no pictures yet. Bring some in under Pictures.", icon=":material/add_photo_alternate:")
        return
    classes = [*picture_set.classes, *sorted(set(labels.values()) - set(picture_set.classes))]
    index = {name: i for i, name in enumerate(classes)}
    state = _state(picture_set, names, labels)
    state.at = min(state.at, len(names) - 1)
    if state.problem:
        st.error(state.problem, icon=":material/error:")
    window = range(max(0, state.at - _BEFORE), min(len(names), state.at + _AFTER))
    key = f"compound labeller {picture_set.name}"

    def act() -> None:
        if message := st.session_state[key].get("act"):
            apply_actions(picture_set, state, names, classes, message)

    _labeller(
        data={
            "set": picture_set.name,
            "classes": [{"name": name.capitalize(), "key": KEYS[i : i + 1]} for i, name in enumerate(classes)],
            "labels": [index.get(labels.get(name, ""), -1) for name in names],
            "total": len(names),
            "pictures": [
                {"i": i, "file": names[i], "src": file_thumbnail(picture_set.folder / names[i])} for i in window
            ],
            "at": state.at,
            "jump": state.jump,
            "heard": state.sender,
            "ack": state.done,
            "undo": f"the label of {history.past[-1].file}" if history.past else "",
            "redo": f"the label of {history.future[0].file}" if history.future else "",
        },
        key=key,
        on_act_change=act,
    )


def _offer_copy(picture_set: PictureSet) -> None:
    st.info(
        "These pictures came with their labels, which stay as they are. Take a copy to change labels: it is a set of "
        "its own, without the division into training and test part.",
        icon=":material/lock:",
    )
    page_button("Take a copy to label", partial(_copy, picture_set), icon=":material/content_copy:")


def _copy(picture_set: PictureSet) -> None:
    sets = PictureSets(picture_set.folder.parent)
    labelled = read_labels(picture_set.source)
    copy = sets.create(sets.free_name(f"{picture_set.name}-copy"), labelled.classes)
    labels = {sample.path: sample.compound for sample in labelled.samples}
    copy.add(((sample.path, partial(read_bytes, sample)) for sample in labelled.samples), labels)
    open_set(copy.name, "Label")


def show_picture(picture_set: PictureSet, file: str) -> None:
    """Make a picture the current one, if it is still in the set."""
    names = picture_set.files()
    if file in names:
        _jump(_state(picture_set, names, picture_set.labels.read()), names.index(file))


def _jump(state: LabellerState, at: int) -> None:
    state.at, state.jump = at, state.jump + 1


def apply_actions(
    picture_set: PictureSet, state: LabellerState, names: Sequence[str], classes: Sequence[str], message: dict[str, Any]
) -> None:
    """Apply the browser's actions. It resends each until it is acknowledged; completed ones are skipped."""
    if message["id"] != state.sender:
        state.sender, state.done = message["id"], 0
    state.at, state.problem = int(message["at"]), ""
    for action in message["actions"]:
        if action["n"] <= state.done:
            continue
        state.done = action["n"]
        try:
            if action["kind"] == "label":
                file, label = action["file"], action["label"]
                if file in names and label < len(classes):
                    picture_set.labels.put({file: classes[label] if label >= 0 else ""})
            else:
                changed = picture_set.labels.undo() if action["kind"] == "undo" else picture_set.labels.redo()
                if changed in names:
                    _jump(state, names.index(changed))
        except FbnError as error:
            state.problem = str(error)


def _state(picture_set: PictureSet, names: Sequence[str], labels: dict[str, str]) -> LabellerState:
    """Return the user's state in a set; a new one begins at the first picture without a label."""
    states: dict[str, LabellerState] = st.session_state.setdefault("compound labellers", {})
    if picture_set.name not in states:
        states[picture_set.name] = LabellerState(next((i for i, name in enumerate(names) if name not in labels), 0))
    return states[picture_set.name]

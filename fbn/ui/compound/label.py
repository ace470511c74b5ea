"""Labelling an own set: one picture at a time, by click or by keyboard; each label is on disk before the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from itertools import groupby
from typing import Any

import streamlit as st

from fbn.data.compound import read_labels
from fbn.data.pictures import read_bytes
from fbn.errors import FbnError
from fbn.ui.compound.sets import PictureSet, Sets
from fbn.ui.compound.state import button, open_set, refuse
from fbn.ui.compound.thumbs import of_file

#: Of the classes in their order; further ones are clicked.
KEYS = "1234567890qwertyuiop"
#: Pictures sent before and after the one that is looked at.
_BEFORE, _AFTER = 8, 18
_HERE = files("fbn") / "ui" / "compound"
_labeller = st.components.v2.component(
    "fbn_compound_labeller",
    html='<div class="labeller"></div>',
    css=(_HERE / "labeller.css").read_text("utf-8"),
    js=(_HERE / "labeller.js").read_text("utf-8"),
)


@dataclass
class Place:
    """Where one viewer is in a set.

    Attributes:
        at: index of the picture that is looked at.
        jump: grows where Python moves the viewer.
        heard, done: whose actions were heard (a page that was loaded anew counts anew), and the last one's number.
        problem: what went wrong with the last one.
    """

    at: int
    jump: int = 0
    heard: str = ""
    done: int = 0
    problem: str = ""


def label_view(chosen: PictureSet) -> None:
    """The picture, its classes, the pictures around it."""
    if chosen.data is not None:
        _not_ours(chosen)
        return
    try:
        names, labels, steps = chosen.files(), chosen.labels.read(), chosen.labels.steps()
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    if not names:
        st.info("The set has no pictures yet. Bring some in under Pictures.", icon=":material/add_photo_alternate:")
        return
    classes = [*chosen.classes, *sorted(set(labels.values()) - set(chosen.classes))]
    number = {name: i for i, name in enumerate(classes)}
    place = _place(chosen, names, labels)
    place.at = min(place.at, len(names) - 1)
    if place.problem:
        st.error(place.problem, icon=":material/error:")
    window = range(max(0, place.at - _BEFORE), min(len(names), place.at + _AFTER))
    key = f"compound labeller {chosen.name}"

    def heard() -> None:
        if message := st.session_state[key].get("act"):
            hear(chosen, place, names, classes, message)

    _labeller(
        data={
            "set": chosen.name,
            "classes": [{"name": name.capitalize(), "key": KEYS[i : i + 1]} for i, name in enumerate(classes)],
            "labels": [number.get(labels.get(name, ""), -1) for name in names],
            "total": len(names),
            "pictures": [{"i": i, "file": names[i], "src": of_file(chosen.folder / names[i])} for i in window],
            "at": place.at,
            "jump": place.jump,
            "heard": place.heard,
            "ack": place.done,
            "undo": _words(steps.past[-1].file) if steps.past else "",
            "redo": _words(steps.future[0].file) if steps.future else "",
        },
        key=key,
        on_act_change=heard,
    )


def _not_ours(chosen: PictureSet) -> None:
    st.info(
        "These pictures came with their labels, which stay as they are. Take a copy to change labels: it is a set of "
        "its own, without the division into training and test part.",
        icon=":material/lock:",
    )
    button("Take a copy to label", partial(_copy, chosen), icon=":material/content_copy:")


def _copy(chosen: PictureSet) -> None:
    sets = Sets(chosen.folder.parent)
    try:
        found = read_labels(chosen.source)
        copy = sets.create(sets.free_name(f"{chosen.name}-copy"), found.classes)
        labels = {sample.path: sample.compound for sample in found.samples}
        copy.add(((sample.path, partial(read_bytes, sample)) for sample in found.samples), labels)
        open_set(copy.name, "Label")
    except (FbnError, OSError) as error:
        refuse(str(error))


def look_at(chosen: PictureSet, file: str) -> None:
    """Bring the labelling to a picture, if the set still has it."""
    names = chosen.files()
    place = _place(chosen, names, chosen.labels.read())
    if file in names:
        place.at, place.jump = names.index(file), place.jump + 1


def hear(
    chosen: PictureSet, place: Place, names: Sequence[str], classes: Sequence[str], message: dict[str, Any]
) -> None:
    """Do what the page did: it tells each action until it is acknowledged, so those known already are passed over."""
    if message["id"] != place.heard:
        place.heard, place.done = message["id"], 0
    place.at, place.problem = int(message["at"]), ""
    new = [action for action in message["actions"] if action["n"] > place.done]
    for kind, actions in groupby(new, key=lambda action: action["kind"]):
        made = list(actions)
        try:
            if kind == "label":
                known = [action for action in made if action["file"] in names and action["label"] < len(classes)]
                for action in known:
                    chosen.labels.put({action["file"]: classes[action["label"]] if action["label"] >= 0 else ""})
            else:
                for _ in made:
                    moved = chosen.labels.undo() if kind == "undo" else chosen.labels.redo()
                    if moved in names:
                        place.at, place.jump = names.index(moved), place.jump + 1
        except FbnError as error:
            place.problem = str(error)
        place.done = made[-1]["n"]


def _place(chosen: PictureSet, names: Sequence[str], labels: dict[str, str]) -> Place:
    places: dict[str, Place] = st.session_state.setdefault("compound places", {})
    if chosen.name not in places:
        places[chosen.name] = Place(next((i for i, name in enumerate(names) if name not in labels), 0))
    return places[chosen.name]


def _words(file: str) -> str:
    return f"the label of {file}"

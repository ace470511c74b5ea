"""Labelling an own set: one picture at a time, by click or by keyboard; each label is on disk before the next."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image, ImageOps

from fbn.errors import FbnError
from fbn.faces.frames import MAX_PIXELS
from fbn.ui.compound_sets import PictureSet

#: Of the classes in their order; further ones are clicked.
KEYS = "1234567890qwertyuiop"
#: Pictures sent before and after the one that is looked at, and their longer side.
_BEFORE, _AFTER, _SIDE = 8, 16, 352
_HERE = files("fbn") / "ui"
_labeller = st.components.v2.component(
    "fbn_compound_labeller",
    html='<div class="labeller"></div>',
    css=(_HERE / "compound_labeller.css").read_text("utf-8"),
    js=(_HERE / "compound_labeller.js").read_text("utf-8"),
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
            "pictures": [{"i": i, "file": names[i], "src": _source(chosen.folder / names[i])} for i in window],
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


def _source(path: Path) -> str:
    """A small copy of a picture for the page; "" where it cannot be read."""
    try:
        about = path.stat()
    except OSError:
        return ""
    return _small(str(path), about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=512)
def _small(path: str, changed: int, size: int) -> str:
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return ""
            # a camera's JPEG is decoded at an eighth of its size, not whole
            picture.draft("RGB", (_SIDE, _SIDE))
            small = ImageOps.exif_transpose(picture).convert("RGB")
            small.thumbnail((_SIDE, _SIDE))
    except Exception:  # decoders raise nearly anything on broken bytes
        return ""
    packed = BytesIO()
    small.save(packed, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"

"""Ways to a set of pictures: one's own, a folder on this machine, or drawn faces where there are none."""

from functools import partial
from pathlib import Path

import streamlit as st

from fbn import compound
from fbn.compound import CompoundClasses
from fbn.data.compound import read_labels
from fbn.errors import FbnError
from fbn.faces.pictures import PICTURE_SUFFIXES
from fbn.ui.compound.draw import draw
from fbn.ui.compound.results import few
from fbn.ui.compound.sets import MOST_PICTURES, Added, PictureSet, Sets
from fbn.ui.compound.state import STARTING, fresh, open_set, refuse, say, working
from fbn.ui.compound.uploads import make
from fbn.ui.compound.work import Work
from fbn.ui.panels import SETS

KINDS = [suffix.removeprefix(".") for suffix in sorted(PICTURE_SUFFIXES)]
_DRAWING = "compound drawing"
_OWN = "own"
_MOST_TOLD = 8


def ways_in(sets: Sets, first: bool) -> None:
    """Three cards; a way back where a set is there already."""
    if first:
        st.markdown("##### Begin with pictures of faces")
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("##### A new set of pictures", width="stretch")
            st.button("Back", icon=":material/arrow_back:", on_click=fresh(_back))
    cards = st.columns(3)
    for card, fill in zip(cards, (_own, _folder, _drawn), strict=True):
        with card.container(border=True, height="stretch"):
            fill(sets)


def _back() -> None:
    st.session_state[STARTING] = False


def _own(sets: Sets) -> None:
    st.markdown("**:material/add_photo_alternate: Your pictures**")
    st.caption(
        "Pictures to label here, or a zip: of one folder a class, in RAF-DB's layout, or unlabelled. They stay on this "
        "machine."
    )
    uploads = st.file_uploader("Pictures or a zip", [*KINDS, "zip"], accept_multiple_files=True, key="compound files")
    name = st.text_input("Name", sets.free_name("my-faces"), key="compound name", max_chars=60).strip()
    classes = _classes()
    st.button(
        "Make the set",
        type="primary",
        icon=":material/check:",
        disabled=not uploads or not classes,
        on_click=fresh(partial(_made, sets, name, classes, uploads or [])),
        help=f"Up to {MOST_PICTURES:,} pictures.",
    )


def _classes() -> tuple[str, ...]:
    """Classes to label with."""
    named = [*compound.names(), _OWN]
    words = {_OWN: "My own classes", **SETS}
    picked = st.selectbox(
        "Classes to choose from",
        named,
        key="compound classes of new",
        format_func=lambda name: words.get(name, f"{name}: your table"),
        help="A zip that brings labels brings its classes too. They can be changed later.",
    )
    if picked != _OWN:
        return CompoundClasses.named(picked).classes
    known = list(dict.fromkeys(own for name in SETS for own in CompoundClasses.named(name).classes))
    return tuple(
        st.multiselect(
            "Classes",
            known,
            accept_new_options=True,
            key="compound own classes",
            placeholder="choose, or type a new one",
        )
    )


def _made(sets: Sets, name: str, classes: tuple[str, ...], uploads: list) -> None:
    try:
        chosen, added = make(sets, name, classes, uploads)
    except FbnError as error:
        refuse(str(error))
        return
    tell(chosen.name, added)
    labelled = chosen.data is not None or chosen.labels.read()
    open_set(chosen.name, "Pictures" if labelled else "Label")


def tell(name: str, added: Added) -> None:
    """Say what was taken into a set and what was left out."""
    count = f"{len(added.taken):,} picture{'s' if len(added.taken) != 1 else ''} taken" if added.taken else "taken"
    say("done", f"“{name}”: {count}.")
    if added.left:
        more = len(added.left) - _MOST_TOLD
        lines = "  \n".join(added.left[:_MOST_TOLD]) + (f"  \nand {more:,} more" if more > 0 else "")
        say("left", f"Left out:  \n{lines}")


def _folder(sets: Sets) -> None:
    st.markdown("**:material/folder_open: A folder on this machine**")
    st.caption(
        "RAF-DB's compound layout, a `labels.csv` of file,class beside the pictures, or one subfolder a class. A zip "
        "will do too. Nothing is copied or changed."
    )
    path = st.text_input("Path", key="compound path", placeholder="/data/rafdb").strip()
    st.button(
        "Use this folder",
        icon=":material/check:",
        disabled=not path,
        on_click=fresh(partial(_pointed, sets, path)),
    )


def _pointed(sets: Sets, text: str) -> None:
    path = Path(text).expanduser().absolute()
    try:
        found = read_labels(path)
        chosen = sets.create(sets.free_name(path.stem or "set"), found.classes, str(path))
    except (FbnError, OSError) as error:
        refuse(str(error))
        return
    say("done", f"“{chosen.name}”: {len(found.samples):,} labelled pictures of {few(found.classes)}.")
    open_set(chosen.name)


def _drawn(sets: Sets) -> None:
    st.markdown("**:material/draw: No pictures at hand**")
    st.caption("Drawn faces of RAF-DB's eleven compounds, to try everything with. No real person is in them.")
    count = st.segmented_control(
        "Faces", [110, 220, 440], default=220, required=True, key="compound drawn", help="About 20 a class are 220."
    )
    unlabelled = st.toggle("Leave the labels to me", key="compound unlabelled", help="To try labelling by hand.")
    st.button(
        "Draw faces",
        icon=":material/brush:",
        disabled=_DRAWING in st.session_state,
        on_click=fresh(partial(_draw, sets, int(count or 220), not unlabelled)),
    )


def _draw(sets: Sets, count: int, labelled: bool) -> None:
    st.session_state[_DRAWING] = Work(f"Drawing {count} faces", partial(draw, sets, count, labelled))


def drawing() -> None:
    """How far the drawing of faces is, if any goes on; the set when it is done."""
    working(_DRAWING, _drawn_at_last)


def _drawn_at_last(made: PictureSet) -> None:
    say("done", f"“{made.name}” is drawn.")
    open_set(made.name, "Pictures" if made.data else "Label")

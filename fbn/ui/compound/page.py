"""The Compound page: the views of the open set of pictures, or forms for a new set."""

from functools import partial
from pathlib import Path

import streamlit as st

from fbn import compound
from fbn.compound import CompoundClasses
from fbn.data.compound import read_labels
from fbn.data.picture_sets import MAX_PICTURES, Incoming, PictureSet, PictureSets
from fbn.data.set_uploads import create_from_uploads
from fbn.errors import FbnError
from fbn.synthetic.picture_set import draw_picture_set
from fbn.ui.compound import html
from fbn.ui.compound.label import label_view
from fbn.ui.compound.overview import overview
from fbn.ui.compound.shared import (
    DELETED,
    OPEN,
    STARTING,
    VIEW,
    Work,
    clearing_messages,
    open_set,
    report_added,
    report_success,
    show_messages,
    show_work,
    uploaded_pictures,
)
from fbn.ui.compound.training import JOBS, training_view
from fbn.ui.panels import SETS
from fbn.ui.widgets import choose_one, pick, pick_view, sync_with_url, was_drawn

_VIEWS = {"Pictures": overview, "Label": label_view, "Train": training_view}
_DRAWING = "compound drawing"
_CUSTOM = "own"
_MAX_NAMED = 4


def show_compound() -> None:
    """Show the open set, or forms for a new one."""
    st.html(html.STYLE)
    try:
        sets = PictureSets()
        names = sets.names()
    except (FbnError, OSError) as error:
        st.error(f"The folder of sets cannot be used: {error}", icon=":material/error:")
        return
    if "compound path" not in st.session_state and not was_drawn(VIEW):
        clearing_messages()()  # from before the user left the page
    show_work(_DRAWING, _open_drawn)
    show_messages()
    _offer_restore(sets)
    sync_with_url("set", OPEN, names, names[0] if names else "", "set of pictures")
    if not names or st.session_state.get(STARTING):
        # no view is shown here; a valid one in the URL is kept for the new set
        valid = [view for view in _VIEWS if view.casefold() == st.query_params.get("view", "").casefold()]
        sync_with_url("view", VIEW, valid, valid[0] if valid else "", "view")
        _new_set(sets, first=not names)
        return
    view = sync_with_url("view", VIEW, list(_VIEWS), next(iter(_VIEWS)), "view")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        pick(st.selectbox, "Set of pictures", OPEN, clearing_messages(), options=names, width=240)
        st.button("New set", icon=":material/add:", on_click=clearing_messages(partial(_start, True)))
    try:
        picture_set = sets.open(st.session_state[OPEN])
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    pick_view("View", VIEW, list(_VIEWS), clearing_messages(partial(JOBS.set_problem, "")))
    st.fragment(_VIEWS[view])(picture_set)


def _offer_restore(sets: PictureSets) -> None:
    if not (token := st.session_state.get(DELETED)):
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown("The set was put aside with its labels.", width="stretch")
        st.button("Bring it back", icon=":material/undo:", on_click=clearing_messages(partial(_restore, sets, token)))
        st.button("Dismiss", on_click=partial(st.session_state.pop, DELETED))


def _restore(sets: PictureSets, token: str) -> None:
    open_set(sets.restore(token))
    del st.session_state[DELETED]


def _start(on: bool) -> None:
    st.session_state[STARTING] = on


def _new_set(sets: PictureSets, first: bool) -> None:
    """Draw three forms for a new set of pictures, and a button back if another set exists."""
    if first:
        st.markdown("##### Begin with pictures of faces")
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("##### A new set of pictures", width="stretch")
            back = clearing_messages(partial(_start, False))
            st.button("Back", icon=":material/arrow_back:", on_click=back)
    for column, fill in zip(st.columns(3), (_from_uploads, _from_folder, _from_drawing), strict=True):
        with column.container(border=True, height="stretch"):
            fill(sets)


def _from_uploads(sets: PictureSets) -> None:
    st.markdown("**:material/add_photo_alternate: Your pictures**")
    st.caption(
        "Pictures to label here, or a zip: of one folder a class, in RAF-DB's layout, or unlabelled. They stay on this "
        "machine."
    )
    uploads = uploaded_pictures("compound files")
    name = st.text_input("Name", sets.free_name("my-faces"), key="compound name", max_chars=60).strip()
    classes = _pick_classes()
    st.button(
        "Make the set",
        type="primary",
        icon=":material/check:",
        disabled=not uploads or not classes,
        on_click=clearing_messages(partial(_create, sets, name, classes, uploads)),
        help=f"Up to {MAX_PICTURES:,} pictures.",
    )


def _pick_classes() -> tuple[str, ...]:
    titles = {_CUSTOM: "My own classes", **SETS}
    picked = st.selectbox(
        "Classes to choose from",
        [*compound.names(), _CUSTOM],
        key="compound classes of new",
        format_func=lambda name: titles.get(name, f"{name}: your table"),
        help="A zip that brings labels brings its classes too. They can be changed later.",
    )
    if picked != _CUSTOM:
        return CompoundClasses.named(picked).classes
    suggestions = dict.fromkeys(label for name in SETS for label in CompoundClasses.named(name).classes)
    custom = st.multiselect(
        "Classes",
        list(suggestions),
        accept_new_options=True,
        key="compound own classes",
        placeholder="choose, or type a new one",
    )
    return tuple(custom)


def _create(sets: PictureSets, name: str, classes: tuple[str, ...], uploads: list[Incoming]) -> None:
    picture_set, added = create_from_uploads(sets, name, classes, uploads)
    report_added(picture_set.name, added)
    labelled = picture_set.data is not None or picture_set.labels.read()
    open_set(picture_set.name, "Pictures" if labelled else "Label")


def _from_folder(sets: PictureSets) -> None:
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
        on_click=clearing_messages(partial(_use_folder, sets, path)),
    )


def _use_folder(sets: PictureSets, text: str) -> None:
    path = Path(text).expanduser().absolute()
    labelled = read_labels(path)
    picture_set = sets.create(sets.free_name(path.stem or "set"), labelled.classes, str(path))
    more = len(labelled.classes) - _MAX_NAMED
    classes = ", ".join(labelled.classes[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
    report_success(f"“{picture_set.name}”: {len(labelled.samples):,} labelled pictures of {classes}.")
    open_set(picture_set.name)


def _from_drawing(sets: PictureSets) -> None:
    st.markdown("**:material/draw: No pictures at hand**")
    st.caption("Drawn faces of RAF-DB's eleven compounds, to try everything with. No real person is in them.")
    count = choose_one("Faces", [110, 220, 440], "compound drawn", 220, help="About 20 a class are 220.")
    unlabelled = st.toggle("Leave the labels to me", key="compound unlabelled", help="To try labelling by hand.")
    st.button(
        "Draw faces",
        icon=":material/brush:",
        disabled=_DRAWING in st.session_state,
        on_click=clearing_messages(partial(_draw, sets, count, not unlabelled)),
    )


def _draw(sets: PictureSets, count: int, labelled: bool) -> None:
    work = partial(draw_picture_set, sets, count, labelled)
    st.session_state[_DRAWING] = Work(f"Drawing {count} faces", work)


def _open_drawn(picture_set: PictureSet) -> None:
    report_success(f"“{picture_set.name}” is drawn.")
    open_set(picture_set.name, "Pictures" if picture_set.data else "Label")

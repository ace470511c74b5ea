"""The Pictures view: class sizes and examples, the check of the pictures, and changes to the set."""

from collections import Counter
from functools import partial

import streamlit as st

from fbn.data.compound import Labelled, read_labels
from fbn.data.compound_faces import Coverage, read_faces
from fbn.data.picture_sets import Incoming, PictureSet, PictureSets
from fbn.data.set_uploads import add_uploads
from fbn.data.thumbnails import sample_thumbnail
from fbn.errors import FbnError
from fbn.records import Sample
from fbn.ui.compound import html
from fbn.ui.compound.shared import DELETED, VIEW, Work, page_button, report_added, show_work, uploaded_pictures

_CHECKING, _CHECKED, _UPLOADS = "compound checking", "compound checked", "compound more"
_MAX_LISTED = 200
_CHECK_HELP = (
    "Every labelled picture is opened and its face looked for. What cannot be used is named here, and left out of "
    "training; training looks again by itself."
)


def overview(picture_set: PictureSet) -> None:
    """Show class sizes and examples, the check of the pictures, and changes to the set."""
    labelled, problem = read_set(picture_set)
    left, right = st.columns([9, 11], gap="large")
    with left:
        _class_sizes(picture_set, labelled)
        if problem:
            st.info(problem, icon=":material/new_label:")
        _actions(picture_set, labelled)
    with right:
        if labelled is not None:
            _examples(labelled)
            _check(picture_set)


def read_set(picture_set: PictureSet) -> tuple[Labelled | None, str]:
    """Return the labelled pictures of a set, or None and the reason."""
    try:
        if picture_set.data is None and not picture_set.labels.read():
            empty = "No pictures yet: add some under Pictures."
            return None, "No picture has a label yet: give some under Label." if picture_set.files() else empty
        return read_labels(picture_set.source), ""
    except (FbnError, OSError) as error:
        return None, str(error)


def _class_sizes(picture_set: PictureSet, labelled: Labelled | None) -> None:
    samples = labelled.samples if labelled else ()
    sizes = Counter(sample.compound for sample in samples)
    names = dict.fromkeys(
        [*(picture_set.classes if picture_set.data is None else ()), *(labelled.classes if labelled else ())]
    )
    if picture_set.data is None:
        title = f"{len(samples):,} of {len(picture_set.files()):,} pictures have a label"
    else:
        test = sum(sample.part == "test" for sample in samples)
        title = f"{len(samples):,} labelled pictures" + (f", {test:,} of them the test part" if test else "")
    st.markdown(f"**{title}**", help="A class with one picture can be learned from, but not measured.")
    st.html(html.counts({name: sizes[name] for name in names}))
    if picture_set.data is not None:
        st.caption(f"Read from {picture_set.data}; nothing there is changed.")


def _examples(labelled: Labelled) -> None:
    st.markdown("**One of each**")
    first: dict[str, Sample] = {}
    for sample in labelled.samples:
        first.setdefault(sample.compound, sample)
    st.html(html.gallery([(sample_thumbnail(first[name]), name.capitalize()) for name in labelled.classes]))


def _check(picture_set: PictureSet) -> None:
    checked = f"{_CHECKED} {picture_set.name}"
    if show_work(f"{_CHECKING} {picture_set.name}", partial(st.session_state.__setitem__, checked)):
        return
    coverage: Coverage | None = st.session_state.get(checked)
    label = "Check the pictures" if coverage is None else "Check again"
    page_button(label, partial(_start_check, picture_set), icon=":material/rule:", help=_CHECK_HELP)
    if coverage is not None:
        show_coverage(coverage)


def _start_check(picture_set: PictureSet) -> None:
    work = Work("Looking at the pictures", lambda report: read_faces(picture_set.source, watch=report).coverage)
    st.session_state[f"{_CHECKING} {picture_set.name}"] = work


def show_coverage(coverage: Coverage) -> None:
    """Show the number of usable pictures, and lists of the others."""
    used = sum(coverage.used.values())
    st.markdown(f"**{used:,} of {coverage.found:,} labelled pictures can be used**")
    faceless = "used as they are, taken for crops of faces" if coverage.faceless_kept else "left out"
    contradictory = [" = ".join(f"{path} ({name})" for path, name in same) for same in coverage.contradictory]
    lists = (
        ("No face was found", faceless, list(coverage.faceless)),
        ("Cannot be read", "left out", [f"{path}: {reason}" for path, reason in coverage.unreadable]),
        ("Copies of another", "one of each is used", [f"{path} = {other}" for path, other in coverage.duplicates]),
        ("Under two classes", "left out", contradictory),
        ("Not paired", "no label, or no picture", [f"{path}: {reason}" for path, reason in coverage.rejected]),
    )
    if not any(entries for _, _, entries in lists):
        st.caption("Each of them has a face, none is there twice.")
    for title, consequence, entries in lists:
        if entries:
            with st.expander(f"{title}: {len(entries):,} · {consequence}"):
                more = len(entries) - _MAX_LISTED
                st.code("\n".join(entries[:_MAX_LISTED]) + (f"\nand {more:,} more" if more > 0 else ""), None)


def _actions(picture_set: PictureSet, labelled: Labelled | None) -> None:
    to_label = picture_set.data is None and (labelled is None or len(labelled.samples) < len(picture_set.files()))
    with st.container(horizontal=True):
        for view, icon, is_next in (("Label", "new_label", to_label), ("Train", "school", not to_label)):
            if is_next or picture_set.data is None:
                kind = "primary" if is_next else "secondary"
                action = partial(st.session_state.__setitem__, VIEW, view)
                page_button(view, action, icon=f":material/{icon}:", type=kind, key=f"compound go {view}")
        if picture_set.data is None:
            _add_pictures(picture_set)
            _change_classes(picture_set)
        with st.popover("Remove", icon=":material/delete:"):
            st.markdown("The pictures it points at stay." if picture_set.data else "Pictures and labels are put aside.")
            page_button("Remove the set", partial(_remove, picture_set), icon=":material/delete:")


def _add_pictures(picture_set: PictureSet) -> None:
    with st.popover("Add pictures", icon=":material/add_photo_alternate:"):
        uploads = uploaded_pictures(f"{_UPLOADS} {picture_set.name} {st.session_state.get(_UPLOADS, 0)}")
        page_button("Add them", partial(_add, picture_set, uploads), type="primary", disabled=not uploads)


def _add(picture_set: PictureSet, uploads: list[Incoming]) -> None:
    # another key empties the file picker
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1
    report_added(picture_set.name, add_uploads(picture_set, uploads))


def _change_classes(picture_set: PictureSet) -> None:
    with st.popover("Classes", icon=":material/category:"):
        names = st.multiselect(
            "Classes to choose from",
            list(picture_set.classes),
            list(picture_set.classes),
            accept_new_options=True,
            key=f"compound classes of {picture_set.name}",
            help="Type a new one and press Enter. The order is that of the keys 1, 2, 3 …",
        )
        page_button("Keep", partial(picture_set.with_classes, names), type="primary")


def _remove(picture_set: PictureSet) -> None:
    st.session_state[DELETED] = PictureSets(picture_set.folder.parent).delete(picture_set.name)

"""A set at a glance: its classes and how many pictures each has, what cannot be used; more pictures, other classes."""

from collections import Counter
from functools import partial

import streamlit as st

from fbn.data.compound import Labelled, read_labels
from fbn.data.compound_faces import Coverage, read_faces
from fbn.errors import FbnError
from fbn.records import Sample
from fbn.ui.compound import marks
from fbn.ui.compound.new import KINDS, tell
from fbn.ui.compound.sets import PictureSet, Sets
from fbn.ui.compound.state import DELETED, VIEW, button, refuse, working
from fbn.ui.compound.thumbs import of_sample
from fbn.ui.compound.uploads import add
from fbn.ui.compound.work import Report, Work

_CHECKING, _CHECKED = "compound checking", "compound checked"
_MOST_LISTED = 200
_CHECK_HELP = (
    "Every labelled picture is opened and its face looked for. What cannot be used is named here, and left out of "
    "training; training looks again by itself."
)


def overview(chosen: PictureSet) -> None:
    """Counts and examples; the check; what can be changed."""
    found, why = _labelled(chosen)
    left, right = st.columns([9, 11], gap="large")
    with left:
        _counts(chosen, found)
        if why:
            st.info(why, icon=":material/new_label:")
        _actions(chosen, found)
    with right:
        if found is not None:
            _examples(found)
            _check(chosen)


def _labelled(chosen: PictureSet) -> tuple[Labelled | None, str]:
    try:
        if chosen.data is None and not chosen.labels.read():
            return None, "No picture has a label yet." if chosen.files() else "No pictures yet: add some below."
        return read_labels(chosen.source), ""
    except (FbnError, OSError) as error:
        return None, str(error)


def _counts(chosen: PictureSet, found: Labelled | None) -> None:
    by_class = Counter(sample.compound for sample in found.samples) if found else Counter[str]()
    names = dict.fromkeys([*(chosen.classes if chosen.data is None else ()), *(found.classes if found else ())])
    total, parts = sum(by_class.values()), Counter(sample.part for sample in found.samples) if found else Counter[str]()
    if chosen.data is None:
        told = f"{total:,} of {len(chosen.files()):,} pictures have a label"
    else:
        told = f"{total:,} labelled pictures"
        if parts.get("test"):
            told += f", {parts['test']:,} of them the test part"
    st.markdown(f"**{told}**", help="A class with one picture can be learned from, but not measured.")
    st.html(marks.counts({name: by_class[name] for name in names}))
    if chosen.data is not None:
        st.caption(f"Read from {chosen.data}; nothing there is changed.")


def _examples(found: Labelled) -> None:
    st.markdown("**One of each**")
    first: dict[str, Sample] = {}
    for sample in found.samples:
        first.setdefault(sample.compound, sample)
    st.html(marks.gallery([(of_sample(first[name]), name.capitalize()) for name in found.classes]))


def _check(chosen: PictureSet) -> None:
    state = st.session_state
    if working(f"{_CHECKING} {chosen.name}", partial(_checked, chosen)):
        return
    coverage: Coverage | None = state.get(f"{_CHECKED} {chosen.name}")
    button(
        "Check the pictures" if coverage is None else "Check again",
        partial(_start_check, chosen),
        icon=":material/rule:",
        help=_CHECK_HELP,
    )
    if coverage is not None:
        show_coverage(coverage)


def _start_check(chosen: PictureSet) -> None:
    def look(report: Report) -> Coverage:
        return read_faces(chosen.source, watch=report).coverage

    st.session_state[f"{_CHECKING} {chosen.name}"] = Work("Looking at the pictures", look)


def _checked(chosen: PictureSet, coverage: Coverage) -> None:
    st.session_state[f"{_CHECKED} {chosen.name}"] = coverage


def show_coverage(coverage: Coverage) -> None:
    """What can be used, and what not, by name."""
    used = sum(coverage.used.values())
    st.markdown(f"**{used:,} of {coverage.found:,} labelled pictures can be used**")
    kept = "used as they are, taken for crops of faces" if coverage.faceless_kept else "left out"
    lists = (
        ("No face was found", f"{kept}", list(coverage.faceless)),
        ("Cannot be read", "left out", [f"{path}: {why}" for path, why in coverage.unreadable]),
        ("Copies of another", "one of each is used", [f"{path} = {other}" for path, other in coverage.duplicates]),
        (
            "Under two classes",
            "left out",
            [" = ".join(f"{path} ({name})" for path, name in same) for same in coverage.contradictory],
        ),
        ("Not paired", "no label, or no picture", [f"{path}: {why}" for path, why in coverage.rejected]),
    )
    if not any(entries for _, _, entries in lists):
        st.caption("Each of them has a face, none is there twice.")
    for title, what, entries in lists:
        if entries:
            with st.expander(f"{title}: {len(entries):,} · {what}"):
                more = len(entries) - _MOST_LISTED
                st.code("\n".join(entries[:_MOST_LISTED]) + (f"\nand {more:,} more" if more > 0 else ""), None)


def _actions(chosen: PictureSet, found: Labelled | None) -> None:
    left = chosen.data is None and (found is None or len(found.samples) < len(chosen.files()))
    with st.container(horizontal=True):
        for view, icon, first in (("Label", "new_label", left), ("Train", "school", not left)):
            if first or chosen.data is None:
                kind = "primary" if first else "secondary"
                button(view, partial(_go, view), icon=f":material/{icon}:", type=kind, key=f"compound go {view}")
        if chosen.data is None:
            _add(chosen)
            _classes(chosen)
        with st.popover("Remove", icon=":material/delete:"):
            st.markdown("The pictures it points at stay." if chosen.data else "Pictures and labels are put aside.")
            button("Remove the set", partial(_remove, chosen), icon=":material/delete:")


def _go(view: str) -> None:
    st.session_state[VIEW] = view


def _add(chosen: PictureSet) -> None:
    with st.popover("Add pictures", icon=":material/add_photo_alternate:"):
        key = f"compound more {chosen.name} {st.session_state.get('compound more', 0)}"
        uploads = st.file_uploader("Pictures or a zip", [*KINDS, "zip"], accept_multiple_files=True, key=key)
        button("Add them", partial(_added, chosen, uploads or []), type="primary", disabled=not uploads)


def _added(chosen: PictureSet, uploads: list) -> None:
    st.session_state["compound more"] = st.session_state.get("compound more", 0) + 1
    try:
        tell(chosen.name, add(chosen, uploads)[1])
    except FbnError as error:
        refuse(str(error))


def _classes(chosen: PictureSet) -> None:
    with st.popover("Classes", icon=":material/category:"):
        names = st.multiselect(
            "Classes to choose from",
            list(chosen.classes),
            list(chosen.classes),
            accept_new_options=True,
            key=f"compound classes of {chosen.name}",
            help="Type a new one and press Enter. The order is that of the keys 1, 2, 3 …",
        )
        button("Keep", partial(_reclass, chosen, names), type="primary")


def _reclass(chosen: PictureSet, names: list[str]) -> None:
    try:
        chosen.with_classes(names)
    except FbnError as error:
        refuse(str(error))


def _remove(chosen: PictureSet) -> None:
    try:
        st.session_state[DELETED] = Sets(chosen.folder.parent).delete(chosen.name)
    except FbnError as error:
        refuse(str(error))

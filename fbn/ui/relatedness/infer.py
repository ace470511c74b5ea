"""The Infer view: a table inferred from annotated pictures and compared with another; and two tables compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from fbn.errors import FbnError
from fbn.records import Annotations
from fbn.relatedness.evidence import Evidence, Relation, agreement, compare
from fbn.relatedness.evidence_tables import counts_frame, describe_findings, prevalence_frame
from fbn.relatedness.workshop import FIRST, Workshop
from fbn.synthetic.world import World
from fbn.training.inferring import infer, infer_people
from fbn.ui import shell
from fbn.ui.relatedness.heatmap import heatmap, sheet_of_agreement, sheet_of_findings
from fbn.ui.relatedness.tables import VIEW, act, show_messages, workshop
from fbn.ui.widgets import choose_one
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER

_EVIDENCE = "rel evidence"
_SOURCES = ["Drawn faces", "Data sets", "Two tables"]
_MAX_DRAWN = 10_000


def infer_view() -> None:
    """Show the form for the source of pictures, and the inferred table."""
    show_messages()
    source = choose_one("From", _SOURCES, "rel infer source")
    if source == "Two tables":
        with _readable_errors():
            _two_tables()
        return
    request, result = st.columns([7, 13], gap="large")
    with request:
        (_drawn_faces if source == "Drawn faces" else _data_sets)()
    with result:
        if _EVIDENCE in st.session_state:
            with _readable_errors():
                _show_evidence(*st.session_state[_EVIDENCE])
        else:
            st.info(
                "The counts appear here, with the cells in which they contradict a table.", icon=":material/grid_on:"
            )


@contextmanager
def _readable_errors() -> Iterator[None]:
    """Show an ``FbnError`` as a message."""
    try:
        yield
    except FbnError as error:
        st.error(str(error), icon=":material/error:")


def _drawn_faces() -> None:
    st.caption(
        "Faces are drawn by a table, labelled as a coder would, and counted: does counting find the table again, and "
        "does it name the cells that you changed?"
    )
    names = workshop().choices()
    made = st.selectbox("Made by", names, names.index(workshop().usual_pair()[1]), key="rel world table")
    count = st.number_input("Faces", 100, _MAX_DRAWN, 2000, 100, key="rel world count")
    seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="rel world seed")
    if st.button("Draw and count", type="primary", icon=":material/casino:"):
        st.session_state.pop(_EVIDENCE, None)
        with _readable_errors(), st.spinner("Drawing labels"):
            world = World(workshop().table_of(made), int(seed))
            labels = Annotations.stack([world.draw(i).annotations for i in range(int(count))])
            name = f"{count} faces drawn by {made}"
            st.session_state[_EVIDENCE] = (name, Evidence.of(labels, source=name))


def _data_sets() -> None:
    st.caption(
        "Pictures that carry an expression and action units; or an expression alone, then a model reads the AUs."
    )
    path = st.text_input(
        "Folder or zip of one or more data sets", key="rel data", placeholder="on this machine"
    ).strip()
    rows = choose_one("Rows", ["Expressions", "People"], "rel data rows")
    if rows == "People":
        _people(path)
        return
    reads = choose_one("Action units", ["Annotated", "Read by the model"], "rel data units")
    least = st.number_input(
        "Least images in a cell",
        0,
        10_000,
        10,
        help="Cells with fewer stay empty and are not tested.",
        key="rel data least",
    )
    people = st.toggle(
        "Count each person once",
        True,
        key="rel data people",
        help="Pictures of one person resemble each other; counted singly they pass for more evidence than they are.",
    )
    if st.button("Count", type="primary", icon=":material/calculate:", disabled=not path):
        st.session_state.pop(_EVIDENCE, None)
        with _readable_errors():
            bar = st.progress(0.0, text="Reading labels")
            model = shell.model_name() if reads == "Read by the model" else None

            def report(progress: float) -> None:
                bar.progress(progress, text="Reading faces")

            inferred = infer(Path(path).expanduser(), model, float(least), people, report)
            bar.empty()
            sets = ", ".join(f"{name} {count}" for name, count in inferred.sets.items() if count)
            st.session_state[_EVIDENCE] = (f"{Path(path).name}: {sets}", inferred.evidence)


def _people(path: str) -> None:
    """Draw the form for a table of people and attributes, of data sets with CelebA's layout."""
    least = st.number_input("Least pictures of a person in a cell", 0, 10_000, 10, key="rel data least people")
    st.caption("The share of each person's pictures that have an attribute. The table stays on this machine.")
    if st.button("Count", type="primary", icon=":material/calculate:", disabled=not path, key="rel data people count"):
        with _readable_errors(), st.spinner("Reading labels"):
            table = infer_people(Path(path).expanduser(), float(least))
            act(Workshop.add, f"people of {Path(path).stem}", table, "inferred")
            st.session_state[VIEW] = "Edit"
            st.rerun()


def _show_evidence(name: str, evidence: Evidence) -> None:
    names = workshop().choices()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        against = st.selectbox("Held against", names, names.index(FIRST), key="rel against", width=260)
        st.button("Open as a table", icon=":material/edit:", on_click=_open, args=(name, evidence))
    findings = compare(evidence, workshop().table_of(against))
    st.markdown(describe_findings(findings, against))
    heatmap(sheet_of_findings(evidence, findings), f"Rates seen in {name}", "rel findings")
    st.caption(f"{name}. {evidence.doubly_labelled} with both labels; counted: {evidence.counted}.")
    with st.expander("Counts and intervals", icon=":material/table:"):
        st.dataframe(counts_frame(evidence, findings).round(3), hide_index=True)
    with st.expander("How common each expression and action unit is", icon=":material/bar_chart:"):
        st.dataframe(prevalence_frame(evidence).round(3), hide_index=True)


def _open(name: str, evidence: Evidence) -> None:
    act(Workshop.add, f"inferred from {name}", evidence.table(), "inferred")
    st.session_state[VIEW] = "Edit"


def _two_tables() -> None:
    names = workshop().choices()
    with st.container(horizontal=True):
        first = st.selectbox("One", names, names.index(FIRST), key="rel one")
        second = st.selectbox("The other", names, names.index("affwild2"), key="rel other")
    agreements = agreement(workshop().table_of(first), workshop().table_of(second))
    if not agreements:
        st.info("Neither names an AU in the expressions that both have.", icon=":material/info:")
        return
    same = sum(each.relation == Relation.BOTH for each in agreements)
    st.markdown(f"They agree in **{same} of {len(agreements)}** cells that at least one of them names.")
    left, right = st.columns([13, 7], gap="large")
    with left:
        heatmap(sheet_of_agreement(agreements, (first, second)), f"{first} beside {second}", "rel agreement")
    with right:
        st.markdown("**Where they part most**")
        differing = [each for each in agreements if each.relation not in (Relation.BOTH, Relation.UNSEEN)]
        differing.sort(key=lambda each: -abs(each.first - each.second))
        st.dataframe(
            {
                "Expression": [each.category.capitalize() for each in differing],
                "AU": [f"AU{each.au} {ACTION_UNIT_BY_NUMBER[each.au].name}" for each in differing],
                first: [each.first or None for each in differing],
                second if second != first else f"{second} ": [each.second or None for each in differing],
            },
            hide_index=True,
            placeholder="none",
        )

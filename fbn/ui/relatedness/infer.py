"""A table out of annotated pictures, held against another; and two tables side by side."""

from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fbn.errors import FbnError
from fbn.records import Annotations
from fbn.relatedness.evidence import CellVerdict, Evidence, Finding, Relation, agreement, compare
from fbn.synthetic.world import World
from fbn.training.inferring import infer
from fbn.ui import shell
from fbn.ui.relatedness import marks, sheets, state
from fbn.ui.relatedness.draft import brief
from fbn.ui.relatedness.files import messages
from fbn.ui.relatedness.heatmap import heatmap
from fbn.ui.relatedness.state import VIEW, choices, table_of, usual
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER

_EVIDENCE = "rel evidence"
_SOURCES = ["Drawn faces", "Data sets", "Two tables"]
_MOST_DRAWN = 10_000
#: Cells named in a sentence; the heatmap shows all.
_MOST_TOLD = 6


def infer_view() -> None:
    """Where the pictures come from, and what they say."""
    messages()
    source = st.segmented_control("From", _SOURCES, default=_SOURCES[0], required=True, key="rel infer source")
    if source == "Two tables":
        _two_tables()
        return
    asking, answer = st.columns([7, 13], gap="large")
    with asking:
        (_world if source == "Drawn faces" else _data)()
    with answer:
        if _EVIDENCE in st.session_state:
            _answer(*st.session_state[_EVIDENCE])
        else:
            st.info(
                "The counts appear here, with the cells in which they contradict a table.", icon=":material/grid_on:"
            )


def _world() -> None:
    st.caption(
        "Faces are drawn by a table, labelled as a coder would, and counted: does counting find the table again, and "
        "does it name the cells that you changed?"
    )
    names = choices()
    made = st.selectbox("Made by", names, names.index(usual()[1]), key="rel world table")
    count = st.number_input("Faces", 100, _MOST_DRAWN, 2000, 100, key="rel world count")
    seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="rel world seed")
    if st.button("Draw and count", type="primary", icon=":material/casino:"):
        with _told(), st.spinner("Drawing labels"):
            world = World(table_of(made), int(seed))
            labels = Annotations.stack([world.draw(i).annotations for i in range(int(count))])
            name = f"{count} faces drawn by {made}"
            st.session_state[_EVIDENCE] = (name, Evidence.of(labels, source=name))


def _data() -> None:
    st.caption(
        "Pictures that carry an expression and action units; or an expression alone, then a model reads the AUs."
    )
    path = st.text_input(
        "Folder or zip of one or more data sets", key="rel data", placeholder="on this machine"
    ).strip()
    reads = st.segmented_control(
        "Action units", ["Annotated", "Read by the model"], default="Annotated", required=True, key="rel data units"
    )
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
        with _told():
            bar = st.progress(0.0, text="Reading labels")
            model = shell.model_name() if reads == "Read by the model" else None
            found = infer(Path(path).expanduser(), model, float(least), people, partial(_read, bar))
            bar.empty()
            sets = ", ".join(f"{name} {count}" for name, count in found.sets.items() if count)
            st.session_state[_EVIDENCE] = (f"{Path(path).name}: {sets}", found.evidence)


def _read(bar: DeltaGenerator, share: float) -> None:
    bar.progress(share, text="Reading faces")


class _told:
    """Tell an error that is the input's fault in words."""

    def __enter__(self) -> None:
        st.session_state.pop(_EVIDENCE, None)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if isinstance(error, FbnError):
            st.error(str(error), icon=":material/error:")
            return True
        return False


def _answer(name: str, evidence: Evidence) -> None:
    names = choices()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        against = st.selectbox("Held against", names, names.index("du2014"), key="rel against", width=260)
        st.button("Open as a table", icon=":material/edit:", on_click=_open, args=(name, evidence))
    try:
        findings = compare(evidence, table_of(against))
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.markdown(verdict(findings, against))
    heatmap(sheets.sheet_of_findings(evidence, findings), f"Rates seen in {name}", "rel findings")
    st.html(marks.FINDING_SIGNS)
    st.caption(f"{name}. {evidence.both} with both labels; counted: {evidence.counted}.")
    with st.expander("Counts and intervals", icon=":material/table:"):
        st.dataframe(_counts(evidence, findings), hide_index=True)
    with st.expander("How common each expression and action unit is", icon=":material/bar_chart:"):
        st.dataframe(_prevalence(evidence), hide_index=True)


def verdict(findings: tuple[Finding, ...], name: str) -> str:
    """Which cells contradict the table, as a sentence."""
    tested = sum(finding.verdict != CellVerdict.THIN for finding in findings)
    wrong = [finding for finding in findings if finding.contradicted]
    about = f"of {tested} tested cells, at a family-wise 95 %"
    if not wrong:
        return f"**{name} is contradicted nowhere**, {about}."
    cells = "; ".join(
        f"**{f.category} AU{f.au}** {f.verdict.value} ({brief(f.weight_in_table)} in the table, {f.observed:.2f} seen)"
        for f in wrong[:_MOST_TOLD]
    )
    if len(wrong) > _MOST_TOLD:
        cells += f"; and {len(wrong) - _MOST_TOLD} more, see the arrows"
    return f"**{name} is contradicted in {len(wrong)}** {about}: {cells}."


def _open(name: str, evidence: Evidence) -> None:
    state.add(f"inferred from {name}", evidence.table(), "inferred")
    st.session_state[VIEW] = "Edit"


def _counts(evidence: Evidence, findings: tuple[Finding, ...]) -> dict[str, list[Any]]:
    known = {(finding.category, finding.au): finding for finding in findings}
    cells = [cell for cell in evidence.cells if cell.images]
    about = [known.get((cell.category, cell.au)) for cell in cells]
    return {
        "Expression": [cell.category.capitalize() for cell in cells],
        "AU": [cell.au for cell in cells],
        "Images": [round(cell.images, 1) for cell in cells],
        "Active": [round(cell.active, 1) for cell in cells],
        "Weight": [round(cell.weight, 3) for cell in cells],
        "From": [round(cell.low, 3) for cell in cells],
        "To": [round(cell.high, 3) for cell in cells],
        "In the table": [None if finding is None else finding.weight_in_table for finding in about],
        "Verdict": ["" if finding is None else finding.verdict.value for finding in about],
    }


def _prevalence(evidence: Evidence) -> dict[str, list[Any]]:
    total = sum(evidence.expressions.values()) or 1.0
    units = [(n, annotated, active) for n, (annotated, active) in evidence.units.items() if annotated]
    return {
        "What": [
            *(category.capitalize() for category in evidence.expressions),
            *(f"AU{n} {ACTION_UNIT_BY_NUMBER[n].name}" for n, _, _ in units),
        ],
        "Images": [
            *(round(shown) for shown in evidence.expressions.values()),
            *(round(active) for _, _, active in units),
        ],
        "Of": [*(round(total) for _ in evidence.expressions), *(round(annotated) for _, annotated, _ in units)],
        "Share": [
            *(round(shown / total, 3) for shown in evidence.expressions.values()),
            *(round(active / annotated, 3) for _, annotated, active in units),
        ],
    }


def _two_tables() -> None:
    names = choices()
    with st.container(horizontal=True):
        first = st.selectbox("One", names, names.index("du2014"), key="rel one")
        second = st.selectbox("The other", names, names.index("affwild2"), key="rel other")
    try:
        found = agreement(table_of(first), table_of(second))
    except FbnError as error:
        st.error(str(error), icon=":material/error:")
        return
    if not found:
        st.info("Neither names an AU in the expressions that both have.", icon=":material/info:")
        return
    agreed = sum(one.relation == Relation.BOTH for one in found)
    st.markdown(f"They agree in **{agreed} of {len(found)}** cells that at least one of them names.")
    sheet, words = st.columns([13, 7], gap="large")
    with sheet:
        heatmap(sheets.sheet_of_agreement(found, (first, second)), f"{first} beside {second}", "rel agreement")
        st.html(marks.agreement_signs(first, second))
    with words:
        st.markdown("**Where they part most**")
        parted = sorted(
            (one for one in found if one.relation not in (Relation.BOTH, Relation.UNSEEN)),
            key=lambda o: -abs(o.first - o.second),
        )
        st.dataframe(
            {
                "Expression": [one.category.capitalize() for one in parted],
                "AU": [f"AU{one.au} {ACTION_UNIT_BY_NUMBER[one.au].name}" for one in parted],
                first: [one.first or None for one in parted],
                second if second != first else f"{second} ": [one.second or None for one in parted],
            },
            hide_index=True,
            placeholder="none",
        )

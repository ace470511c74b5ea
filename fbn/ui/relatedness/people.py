"""Edit view of a table of people and attributes: search and sort people, edit weights, compare two people."""

from functools import partial

import pandas as pd
import plotly.express as px
import plotly.graph_objects as go
import streamlit as st

from fbn.relatedness import RelatednessTable
from fbn.relatedness.draft import Draft
from fbn.relatedness.people import DISTINCT, compare_people, find, information, weights
from fbn.ui.charts import CONFIG
from fbn.ui.palette import ACCENT, GRAY, SECOND
from fbn.ui.relatedness.tables import edit, note_form, show_messages, toolbar, workshop
from fbn.ui.widgets import choose_one

#: Attributes in the bar chart and in the comparison, and people in the picture.
_BARS, _PEOPLE = 15, 40
_TELLING = (
    "Mutual information between the attribute and who it is, in bits, for people with equally many pictures. 0: the "
    "attribute is as common with everybody. 1: half of the people always have it and half never."
)
_DISTINCT = "How far a person's attributes are from everybody's: the information of all attributes about the person."
_TABLE_ORDER = "Table order"


def people_view() -> None:
    """Show the people of the open table, which can be edited, and what its attributes tell."""
    toolbar()
    show_messages()
    label, table = workshop().open, workshop().draft.table
    # the most telling attributes first
    frame = _weights(table)
    frame = frame[information(frame).mean().sort_values(ascending=False, kind="stable").index]
    people, panel = st.columns([13, 7], gap="large")
    with people:
        chosen = _search(frame)
        _grid(label, chosen)
        st.caption(
            "Weight: the share of a person's pictures that have the attribute; the most telling attributes first. "
            "Click a cell and type; Enter keeps it. The table stays on this machine."
        )
        with st.expander("As a picture", icon=":material/grid_on:"):
            _chart(_picture(chosen.head(_PEOPLE)), "picture", f"Weights of {min(len(chosen), _PEOPLE)} people")
            if len(chosen) > _PEOPLE:
                st.caption(f"The first {_PEOPLE} of the people listed above.")
    with panel:
        view = choose_one("Look at", ["Attributes", "Two people", "Notes"], f"rel people panel {label}")
        if view == "Attributes":
            _attributes(frame)
        elif view == "Two people":
            _two_people(frame, chosen)
        else:
            _notes(label, table)


@st.cache_data(max_entries=4, show_spinner="Reading the table")
def _weights(table: RelatednessTable) -> pd.DataFrame:
    return weights(table)


def _search(frame: pd.DataFrame) -> pd.DataFrame:
    """Draw the search and the order, and return the people found."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input("Find a person", key="rel people find", placeholder="name or number", width=220)
        names = map(str, frame.columns)
        orders = {_TABLE_ORDER: "", "Most distinct": DISTINCT, **{name.replace("_", " "): name for name in names}}
        order = st.selectbox("Sort by", list(orders), key="rel people order", width=220, help=_DISTINCT)
        ascending = order != _TABLE_ORDER and st.toggle("Smallest first", key="rel people ascending")
    chosen = find(frame, text, orders[order], descending=not ascending)
    found = f"{len(chosen):,} of {len(frame):,}" if text.strip() else f"{len(frame):,}"
    st.markdown(f"**{found} people**, {frame.shape[1]} attributes")
    return chosen


def _grid(label: str, chosen: pd.DataFrame) -> None:
    """Draw the weights as a grid in which cells can be edited."""
    if chosen.empty:
        st.info("Nobody of that name.", icon=":material/person_search:")
        return
    history = workshop().draft.history
    # a new key after each edit: the grid would apply its own edits to the new weights again
    key = f"rel people grid {label} {len(history.past)} {len(history.future)} {hash(tuple(chosen.index))}"
    columns = {
        name: st.column_config.NumberColumn(
            name.replace("_", " "), width="small", min_value=0.0, max_value=1.0, step=0.001, format="%.2f"
        )
        for name in map(str, chosen.columns)
    }
    shown = chosen.rename_axis("person").reset_index()
    config = {"person": st.column_config.TextColumn("Person", pinned=True), **columns}
    st.data_editor(
        shown,
        key=key,
        hide_index=True,
        column_config=config,
        disabled=["person"],
        height=min(520, 38 + 35 * len(chosen)),
        on_change=partial(_edited, label, key, list(chosen.index)),
    )


def _edited(label: str, key: str, people: list[str]) -> None:
    """Apply the edits of the grid to the table."""
    rows = st.session_state[key]["edited_rows"]
    block = {
        (people[row], column): "" if value is None else str(value)
        for row, cells in rows.items()
        for column, value in cells.items()
    }
    edit(label, Draft.with_block, block)


def _attributes(frame: pd.DataFrame) -> None:
    """Show how telling each attribute is."""
    st.markdown("**How telling is an attribute?**", help=_TELLING)
    table = pd.DataFrame({"bits": information(frame).mean(), "mean": frame.mean()})
    table = table.rename_axis("attribute").reset_index()
    table["attribute"] = table["attribute"].str.replace("_", " ")
    figure = px.bar(table.head(_BARS), x="bits", y="attribute", color_discrete_sequence=[ACCENT], custom_data=["mean"])
    figure.update_traces(hovertemplate="%{y}: %{x:.2f} bits; %{customdata[0]:.0%} of the pictures<extra></extra>")
    figure.update_yaxes(autorange="reversed", title="", showgrid=False)
    figure.update_xaxes(title="information about who it is (bits)", rangemode="tozero")
    _chart(figure, "attributes", f"Bits of information of the {len(table.head(_BARS))} most telling attributes")
    if len(table) > _BARS:
        with st.expander(f"All {len(table)}"):
            st.dataframe(table.round(3), hide_index=True)


def _two_people(frame: pd.DataFrame, chosen: pd.DataFrame) -> None:
    """Show the attributes in which two people differ most."""
    names = list(frame.index)
    usual = [*chosen.index[:2], *names][:2]
    # the first two people found, until others are chosen
    with st.container(horizontal=True, gap="small"):
        first, second = (
            st.selectbox(title, names, names.index(usual[i]), key=f"rel people {title} {usual[i]}")
            for i, title in enumerate(("First person", "Second person"))
        )
    if first == second:
        st.info("Choose two different people.", icon=":material/group:")
        return
    pair = compare_people(frame, first, second)
    titles = {"first": first, "second": second, "everybody": "mean of all people"}
    listed = (
        pair.head(_BARS).rename(titles, axis=1).rename(lambda name: name.replace("_", " ")).rename_axis("attribute")
    )
    figure = px.scatter(
        listed.reset_index().melt("attribute", var_name="person"),
        x="value",
        y="attribute",
        color="person",
        symbol="person",
        color_discrete_sequence=[ACCENT, SECOND, GRAY],
        symbol_sequence=["circle", "diamond", "line-ns-open"],
    )
    figure.update_traces(marker={"size": 11}, hovertemplate="%{y}: %{x:.2f}")
    figure.update_xaxes(title="share of the pictures", range=[-0.04, 1.04], zeroline=False)
    figure.update_yaxes(autorange="reversed", title="")
    figure.update_layout(legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "title": ""})
    _chart(figure, "pair", f"Attributes in which {first} and {second} differ most")
    if len(pair) > _BARS:
        with st.expander(f"All {len(pair)}"):
            st.dataframe(pair.round(3).rename(columns={"first": first, "second": second}))


def _notes(label: str, table: RelatednessTable) -> None:
    """Show the notes of the table, and a form for one more."""
    noted = [(person, str(column), note.why, note.who, note.source) for (person, column), note in table.notes]
    frame = pd.DataFrame(noted, columns=["Person", "Attribute", "Why", "Who", "Source"])
    st.dataframe(frame, hide_index=True, placeholder="No notes yet.")
    person = st.selectbox("Person", table.categories, key=f"rel people noted {label}")
    attribute = st.selectbox("Attribute", table.columns.labels, key=f"rel people attribute {label}")
    note_form(label, person, attribute, table.note(person, attribute))


def _picture(chosen: pd.DataFrame) -> go.Figure:
    """Draw weights as colours."""
    shown = chosen.rename(columns=lambda name: name.replace("_", " "))
    figure = px.imshow(shown, zmin=0, zmax=1, color_continuous_scale="Blues", aspect="auto")
    figure.update_traces(hovertemplate="%{y}, %{x}: %{z:.2f}<extra></extra>")
    figure.update_yaxes(type="category", title="", dtick=1, tickfont={"size": 9})
    figure.update_xaxes(tickangle=-60, title="", dtick=1, tickfont={"size": 9})
    figure.update_coloraxes(colorbar={"title": "weight", "thickness": 12})
    return figure.update_layout(height=max(300, 120 + 16 * len(shown)))


def _chart(figure: go.Figure, key: str, text: str) -> None:
    figure.update_layout(margin={"l": 8, "r": 8, "t": 28, "b": 40})
    st.plotly_chart(figure, config=CONFIG, key=f"rel people {key}", alt=text)

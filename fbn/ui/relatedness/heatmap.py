"""A relatedness table as a heatmap to click on and to walk through with the arrow keys, typing weights into cells."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import streamlit as st

_HERE = files("fbn") / "ui" / "relatedness"
_sheet = st.components.v2.component(
    "fbn_heatmap",
    html='<div class="sheet"></div>',
    css=(_HERE / "heatmap.css").read_text("utf-8"),
    js=(_HERE / "heatmap.js").read_text("utf-8"),
)


def heatmap(sheet: dict[str, Any], label: str, key: str, act: Callable[[dict[str, Any]], None] | None = None) -> None:
    """Draw a sheet of ``fbn.ui.relatedness.draft.sheet`` or ``sheet_of_changes``.

    Args:
        sheet: rows, columns and cells.
        label: what it is, for screen readers.
        key: of the widget.
        act: called with {"at": [row, column]} for a cell chosen, with a "weight" too where one was typed, or with
            {"step": "undo" | "redo"}; None: only to be looked at.
    """

    def heard() -> None:
        what = st.session_state[key].get("act")
        if act is not None and what:
            act(what)

    _sheet(data={**sheet, "label": label, "editable": act is not None}, key=key, on_act_change=heard)

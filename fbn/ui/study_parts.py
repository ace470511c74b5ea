"""What the Study page's views share."""

import streamlit as st

from fbn.ui.study_charts import Line
from fbn.ui.study_read import Figure, Studied
from fbn.ui.study_words import SIDE_HELP, SIDES

INTERVAL_HELP = (
    "Differences are paired: both networks met the same pictures on a seed. Bars are Student's 95 % intervals over "
    "seeds; a difference is called better or worse where that leaves out 0. Of twenty such intervals one misses 0 by "
    "chance. Point at a mark for a second interval, a bootstrap over seeds and held-out pictures."
)


def pick_side(key: str) -> str:
    """What differences are told against, a key of ``SIDES``."""
    found = st.segmented_control(
        "Against",
        list(SIDES),
        default="uncoupled",
        required=True,
        format_func=lambda side: SIDES[side].capitalize(),
        key=key,
        help=SIDE_HELP,
    )
    return found or "uncoupled"


def line_of(studied: Studied, figure: Figure, side: str, label: str) -> Line:
    """A figure's difference as a line of a forest plot."""
    hover = f"{figure.mean:.3f}; chance {figure.chance:.3f}"
    return Line(label, getattr(figure, side), studied.seed_differences(figure, side), hover)

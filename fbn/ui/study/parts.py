"""What the Study page's views share."""

from collections.abc import Sequence

import streamlit as st

from fbn.studies import answer
from fbn.studies.affect_arms import ARMS, SINGLE, UNCOUPLED
from fbn.studies.read import Studied
from fbn.studies.records import Figure
from fbn.studies.words import SIDE_HELP, SIDES, row_name
from fbn.ui.study.charts import MOST_SERIES, Line

INTERVAL_HELP = (
    "Differences are paired: both networks met the same pictures on a seed. Bars are Student's 95 % intervals over "
    "seeds; a difference is called better or worse where that leaves out 0. Of twenty such intervals one misses 0 by "
    "chance. Point at a mark for a second interval, a bootstrap over seeds and held-out people (pictures, in studies "
    "of drawn faces from before version 0.6)."
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


def pick_rows(studied: Studied, there: Sequence[str], key: str) -> list[str]:
    """Which rows are drawn: what others are held against, then the papers' best, unless others are picked."""
    known = [name for name in studied.rows if name in set(there)]
    first = answer.primary(studied)
    wanted = dict.fromkeys((UNCOUPLED, SINGLE, ARMS[first].baseline if first in ARMS else None, first))
    usual = [name for name in wanted if name in known]
    picked = st.multiselect(
        "Rows",
        known,
        usual or known[:2],
        format_func=row_name,
        max_selections=MOST_SERIES,
        key=key,
        help=f"At most {MOST_SERIES}: more cannot be told apart.",
    )
    return [name for name in (UNCOUPLED, SINGLE) if name in picked] + [
        name for name in picked if name not in (UNCOUPLED, SINGLE)
    ]

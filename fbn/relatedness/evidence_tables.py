"""Counts of evidence, and what they contradict, as a sentence and as tables for display."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from fbn.relatedness.draft import format_weight
from fbn.relatedness.evidence import CellVerdict, Evidence, Finding
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER

#: Maximal number of cells named in the sentence; the heatmap shows all.
_MAX_NAMED = 6


def describe_findings(findings: Sequence[Finding], name: str) -> str:
    """Return a sentence that names the cells that contradict the table."""
    tested = sum(finding.verdict != CellVerdict.TOO_FEW for finding in findings)
    wrong = [finding for finding in findings if finding.contradicted]
    scope = f"of {tested} tested cells, at a family-wise 95 %"
    if not wrong:
        return f"**{name} is contradicted nowhere**, {scope}."
    cells = "; ".join(
        f"**{f.category} AU{f.au}** {f.verdict.value} ({format_weight(f.weight_in_table)} in the table, "
        f"{f.observed:.2f} seen)"
        for f in wrong[:_MAX_NAMED]
    )
    if len(wrong) > _MAX_NAMED:
        cells += f"; and {len(wrong) - _MAX_NAMED} more, see the arrows"
    return f"**{name} is contradicted in {len(wrong)}** {scope}: {cells}."


def counts_frame(evidence: Evidence, findings: Sequence[Finding]) -> pd.DataFrame:
    """Return a row per cell with images: counts, rate with its interval, and what the table says."""
    by_cell = {(finding.category, finding.au): finding for finding in findings}

    def row(category: str, au: int, finding: Finding | None) -> dict[str, Any]:
        cell = evidence.cell(category, au)
        return {
            "Expression": category.capitalize(),
            "AU": au,
            "Images": cell.images,
            "Active": cell.active,
            "Weight": cell.weight,
            "From": cell.low,
            "To": cell.high,
            "In the table": finding and finding.weight_in_table,
            "Verdict": finding.verdict.value if finding else "",
        }

    cells = [(cell.category, cell.au) for cell in evidence.cells if cell.images]
    return pd.DataFrame([row(*cell, by_cell.get(cell)) for cell in cells])


def prevalence_frame(evidence: Evidence) -> pd.DataFrame:
    """Return how common each expression and each action unit is."""
    total = sum(evidence.expressions.values()) or 1.0
    rows = [(category.capitalize(), images, total) for category, images in evidence.expressions.items()]
    rows += [
        (f"AU{n} {ACTION_UNIT_BY_NUMBER[n].name}", active, annotated)
        for n, (annotated, active) in evidence.units.items()
        if annotated
    ]
    frame = pd.DataFrame(rows, columns=["What", "Images", "Of"])
    return frame.assign(Share=frame["Images"] / frame["Of"]).round({"Images": 0, "Of": 0})

"""Counted images for tests of the page."""

from fbn.records import Annotations
from fbn.relatedness.evidence import Evidence


def seen(counts: dict[tuple[str, int], tuple[int, int]]) -> Evidence:
    """(category, AU) -> (active, images); each image has that AU alone annotated."""
    labels = [
        Annotations.of(category, {number: float(i < active)})
        for (category, number), (active, images) in counts.items()
        for i in range(images)
    ]
    return Evidence.of(Annotations.stack(labels))

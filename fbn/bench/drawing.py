"""How fast faces are drawn."""

import time
from typing import Any

import cv2
import numpy as np

from fbn.relatedness import RelatednessTable
from fbn.synthetic.domains import DOMAINS
from fbn.synthetic.render import render
from fbn.synthetic.world import World


def drawing(count: int = 300, sizes: tuple[int, ...] = (112, 320)) -> dict[str, Any]:
    """Milliseconds a picture on one core, over random people, poses, light and cameras of Aff-Wild2's style.

    Args:
        count: faces of each size, and of labels drawn.
        sizes: sides of the pictures in pixels.

    Returns:
        Faces, then median and 95 % of milliseconds of drawing a face's labels, and of its picture at each size, with
        pictures a second.
    """
    world = World(RelatednessTable.named("du2014"), 0, DOMAINS["affwild2"])
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        spent, faces = [], []
        for i in range(count):
            start = time.perf_counter()
            faces.append(world.draw(i).face)
            spent.append(time.perf_counter() - start)
        found: dict[str, Any] = {"faces": count, "labels": _figures(spent)}
        for size in sizes:
            for face in faces[:10]:
                render(face, size)  # grids and textures of this size are made once
            spent = []
            for face in faces:
                start = time.perf_counter()
                render(face, size)
                spent.append(time.perf_counter() - start)
            found[f"picture, {size} px"] = _figures(spent)
        return found
    finally:
        cv2.setNumThreads(threads)


def _figures(spent: list[float]) -> dict[str, float]:
    milliseconds = 1000 * np.array(spent)
    return {
        "median_ms": float(np.median(milliseconds)),
        "p95_ms": float(np.percentile(milliseconds, 95)),
        "per_second": float(1000 / milliseconds.mean()),
    }

"""Rendering speed of synthetic faces."""

import time
from typing import Any

import cv2
import numpy as np

from fbn.relatedness import RelatednessTable
from fbn.synthetic.domains import DOMAINS
from fbn.synthetic.render import render
from fbn.synthetic.world import World


def drawing(count: int = 300, sizes: tuple[int, ...] = (112, 320)) -> dict[str, Any]:
    """Measure the milliseconds per picture on one core, over random people, poses, light and cameras as in Aff-Wild2.

    Args:
        count: number of faces.
        sizes: sides of the pictures in pixels.

    Returns:
        Number of faces; then median and 95th percentile in milliseconds, and number per second, of sampling a face's
        labels, and of rendering its picture at each size.
    """
    world = World(RelatednessTable.named("du2014"), 0, DOMAINS["affwild2"])
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        times, faces = [], []
        for i in range(count):
            start = time.perf_counter()
            faces.append(world.draw(i).face)
            times.append(time.perf_counter() - start)
        results: dict[str, Any] = {"faces": count, "labels": _statistics(times)}
        for size in sizes:
            for face in faces[:10]:
                render(face, size)  # warm up: grids and textures of this size are cached
            times = []
            for face in faces:
                start = time.perf_counter()
                render(face, size)
                times.append(time.perf_counter() - start)
            results[f"picture, {size} px"] = _statistics(times)
        return results
    finally:
        cv2.setNumThreads(threads)


def _statistics(seconds: list[float]) -> dict[str, float]:
    milliseconds = 1000 * np.array(seconds)
    return {
        "median_ms": float(np.median(milliseconds)),
        "p95_ms": float(np.percentile(milliseconds, 95)),
        "per_second": float(1000 / milliseconds.mean()),
    }

"""Results as files to download, with the columns and the writers of ``fbn analyse``."""

import tempfile
from collections.abc import Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from fbn.inference import FrameResult
from fbn.inference.export import TableWriter

#: Rows put on the page; more would only slow the browser.
MOST_SHOWN = 1000


def table_bytes(results: Sequence[FrameResult], suffix: str) -> bytes:
    """A table file. Smoothed columns follow the raw ones where any face was smoothed, compound expressions the rest.

    Args:
        results: one or more rows each.
        suffix: ``.csv`` or ``.parquet``.
    """
    faces = [face for result in results for face in result.faces]
    smoothed = any(face.smoothed for face in faces)
    scorers = {id(face.affect.scorer): face.affect.scorer for face in faces if face.affect.scorer}
    classes = dict.fromkeys(name for scorer in scorers.values() for name in scorer.classes.classes)
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, f"table{suffix}")
        with TableWriter(path, "fbn_smooth" if smoothed else "fbn", tuple(classes)) as writer:
            for result in results:
                writer.write(result)
        return path.read_bytes()


def first_rows(results: Sequence[FrameResult]) -> pd.DataFrame:
    """At most ``MOST_SHOWN`` rows, as ``table_bytes`` writes them."""
    return pd.read_parquet(BytesIO(table_bytes(list(islice(results, MOST_SHOWN)), ".parquet"))).head(MOST_SHOWN)


def png_bytes(image: np.ndarray | None) -> bytes:
    """A PNG file of an [H, W, 3] uint8 RGB picture; empty for None."""
    return b"" if image is None else cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()

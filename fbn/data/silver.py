"""Silver AU labels: MediaPipe's blendshapes, calibrated against CK+'s FACS codes, for pictures without AU labels.

The MediaPipe release that works with ``face_landmarker.task`` requires numpy < 2, so the labels are created once, in a
separate environment, and training reads the table:

    python -m venv silver && silver/bin/pip install mediapipe==0.10.21 pandas 'pyarrow<20' torch
    PYTHONPATH=. silver/bin/python -m fbn.data.silver --data ROOT --model face_landmarker.task -o silver.parquet
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from fbn.data.corpus import load_corpus
from fbn.data.pictures import read_picture
from fbn.data.sources import SOURCES, affectnet, celeba, ckplus, ferplus, find
from fbn.data.splits import PARTS
from fbn.errors import FormatError
from fbn.records import Sample
from fbn.resources import whole_file
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, AU_INDEX, DECISION

#: AU -> blendshapes (mean of left and right): the seven AUs that agree best with CK+'s codes, and AU26, for which
#: ``jawOpen`` also covers AU27, which counts as AU26.
SHAPES: dict[int, tuple[str, ...]] = {
    1: ("browInnerUp",),
    2: ("browOuterUp",),
    5: ("eyeWide",),
    12: ("mouthSmile",),
    17: ("mouthShrugLower",),
    20: ("mouthStretch",),
    25: ("mouthLowerDown", "mouthUpperUp", "jawOpen"),
    26: ("jawOpen",),
}
SETS = (ferplus.NAME, affectnet.NAME, celeba.NAME)
#: Weight of the L2 penalty on the slopes, which keeps them finite for separable data.
_RIDGE = 1e-5

Silver = dict[tuple[str, str], dict[int, float]]
Reader = Callable[[np.ndarray], dict[str, float] | None]


def read_silver(path: Path) -> Silver:
    """Read the table that this module writes.

    Returns:
        (data set, picture path) -> probability in [0, 1] by AU number, for pictures with a detected face.

    Raises:
        FormatError: a column is missing or a value is outside [0, 1].
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: expected a parquet table of silver labels ({error})") from error
    columns = {ACTION_UNIT_BY_NUMBER[number].code: number for number in SHAPES}
    if missing := {"dataset", "path", *columns} - set(table.columns):
        raise FormatError(f"{path}: no column {sorted(missing)}, expected dataset, path and {', '.join(columns)}")
    values = table[list(columns)].to_numpy(np.float64)
    if len(wrong := np.argwhere(~((values >= 0) & (values <= 1)))):
        row, column = wrong[0]
        raise FormatError(f"{path}, row {row}, {[*columns][column]}: {values[row, column]}, expected a value in [0, 1]")
    keys = zip(table["dataset"], table["path"], strict=True)
    return {key: dict(zip(columns.values(), row, strict=True)) for key, row in zip(keys, values.tolist(), strict=True)}


def features(shapes: dict[str, float], unit: int) -> list[float]:
    """Compute an AU's features in [0, 1]: square roots of its blendshapes, averaged over left and right.

    Most scores are near 0 (a wide eye has 0.1). Of raw scores, square roots and logits, the square roots calibrated
    best on CK+'s training subjects.
    """

    def value(name: str) -> float:
        return shapes[name] if name in shapes else (shapes[f"{name}Left"] + shapes[f"{name}Right"]) / 2

    return [max(value(name), 0.0) ** 0.5 for name in SHAPES[unit]]


def fit_logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Fit a logistic regression, with a small L2 penalty on the slopes, by Newton's method.

    Args:
        x: [n, d] features.
        y: [n] 0 or 1.

    Returns:
        [d + 1] slopes, then the intercept.
    """
    x = np.hstack([x, np.ones((len(x), 1))])
    ridge = _RIDGE * len(x) * np.diag([*[1.0] * (x.shape[1] - 1), 0.0])
    w = np.zeros(x.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-x @ w))
        step = np.linalg.solve(
            x.T @ (x * (p * (1 - p))[:, None]) + ridge + 1e-9 * np.eye(len(w)), x.T @ (y - p) - ridge @ w
        )
        w += step
        if np.abs(step).max() < 1e-8:
            break
    return w


def probability(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the probabilities [n] of a ``fit_logistic`` model for [n, d] features."""
    return 1 / (1 + np.exp(-(x @ weights[:-1] + weights[-1])))


def mediapipe_reader(model: Path) -> Reader:
    """Return a function: picture [H, W, 3] uint8 RGB -> {blendshape: score in [0, 1]}, or None without a face."""
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)),
        output_face_blendshapes=True,
        # the data sets have one face per picture, some of them 48 pixels wide
        min_face_detection_confidence=0.3,
    )
    landmarker = vision.FaceLandmarker.create_from_options(options)

    def reader(picture: np.ndarray) -> dict[str, float] | None:
        image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        faces = landmarker.detect(image).face_blendshapes
        return {shape.category_name: shape.score for shape in faces[0]} if faces else None

    return reader


def _read(samples: Iterable[Sample], reader: Reader) -> tuple[list[Sample], list[dict[str, float]]]:
    pairs = [(s, shapes) for s in samples if (shapes := reader(read_picture(s))) is not None]
    return [s for s, _ in pairs], [shapes for _, shapes in pairs]


def calibrate(data_root: Path, reader: Reader) -> dict[int, np.ndarray]:
    """Fit each AU on CK+'s training subjects, print its ROC AUC on the others, return the weights by AU number."""
    # imported here: slow to load, and missing in some environments
    from scipy.stats import rankdata

    samples = load_corpus(data_root, (ckplus.NAME,)).samples
    read = {part: _read(samples[part], reader) for part in PARTS}
    weights: dict[int, np.ndarray] = {}
    for unit in SHAPES:
        x = {p: np.array([features(shapes, unit) for shapes in read[p][1]]) for p in PARTS}
        y = {p: np.array([float(s.annotations.action_units[AU_INDEX[unit]]) for s in read[p][0]]) for p in PARTS}
        weights[unit] = fit_logistic(x["train"], y["train"])
        p, t = probability(weights[unit], x["test"]), y["test"]
        area = (rankdata(p)[t == 1].mean() - (t.sum() + 1) / 2) / (t == 0).sum()
        f1 = 2 * ((p >= DECISION) & (t == 1)).sum() / ((p >= DECISION).sum() + (t == 1).sum())
        print(
            f"AU{unit}: ROC area {area:.3f}, F1 {f1:.3f} on {len(t)} frames of CK+ test subjects, {int(t.sum())} active"
        )
    return weights


def write_silver(data_root: Path, reader: Reader, path: Path) -> None:
    """Calibrate, process every picture of ``SETS`` and write the table atomically."""
    import pandas as pd
    import pyarrow.parquet  # noqa: F401  fails now if missing, not when pandas writes at the end of a long run

    weights = calibrate(data_root, reader)
    tables = []
    for name in SETS:
        samples = SOURCES[name](find(data_root, name)).samples
        detected, shapes = _read(samples, reader)
        columns = {
            ACTION_UNIT_BY_NUMBER[unit].code: probability(w, np.array([features(s, unit) for s in shapes]))
            for unit, w in weights.items()
        }
        tables.append(pd.DataFrame({"dataset": name, "path": [s.path for s in detected], **columns}))
        print(f"{name}: a face found in {len(detected)} of {len(samples)} pictures")
    with whole_file(path) as unfinished:
        pd.concat(tables).to_parquet(unfinished, index=False)


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fbn.data.silver", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--model", type=Path, required=True, help="MediaPipe's face_landmarker.task")
    parser.add_argument("-o", "--output", type=Path, required=True, help="parquet table to write")
    arguments = parser.parse_args()
    write_silver(arguments.data, mediapipe_reader(arguments.model), arguments.output)


if __name__ == "__main__":
    _main()

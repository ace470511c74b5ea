"""Silver labels: the calibration, the table's round trip, what its reader refuses. A stand-in plays MediaPipe."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from fbn.data.silver import SHAPES, features, fit_logistic, probability, read_silver, write_silver
from fbn.errors import FormatError
from tests.data import trees


def test_logistic_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    x = rng.random((400, 3))
    y = (x @ [4, -2, 1] + rng.logistic(size=400) > 1).astype(float)
    weights = fit_logistic(x, y)
    # its penalty is |w|^2 / (2C) on the sum of losses, ours 1e-5 n |w|^2 / 2
    reference = LogisticRegression(C=1 / (1e-5 * 400), tol=1e-10, max_iter=10_000).fit(x, y)
    np.testing.assert_allclose(weights[:3], reference.coef_[0], atol=1e-4)
    np.testing.assert_allclose(probability(weights, x), reference.predict_proba(x)[:, 1], atol=1e-5)


def test_separable_points_end():
    weights = fit_logistic(np.array([[0.0], [0.1], [0.9], [1.0]]), np.array([0.0, 0, 1, 1]))
    assert np.isfinite(weights).all()
    assert weights[0] > 0


def test_features_are_roots_of_the_mean_of_both_sides():
    shapes = {"browInnerUp": 0.25, "eyeWideLeft": 0.1, "eyeWideRight": 0.22}
    assert features(shapes, 1) == [0.5]
    assert features(shapes, 5) == [pytest.approx(0.4)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The table written from tiny sets by a reader that sees rest and action by turns, and no face once."""
    files = {}
    rng = np.random.default_rng(0)
    for subject in range(60):
        for frame, units in ((1, None), (9, "1 2 5 12 17 20 25 26")):
            files |= trees.ckplus_frame(subject, 1, frame, units, None if units is None else 7)
    trees.write(tmp_path / "ckplus", files)
    rows = [f"Training,fer{i:07d}.png,10,0,0,0,0,0,0,0,0,0" for i in range(3)]
    trees.write(tmp_path / "ferplus", trees.ferplus(rows))
    trees.write(tmp_path / "affectnet", trees.affectnet([trees.affectnet_row("a.jpg", 0, 0, 0)]))
    trees.write(tmp_path / "celeba", trees.celeba({"1.jpg": 7}))
    names = [
        f"{n}{side}" for n in ("browOuterUp", "eyeWide", "mouthSmile", "mouthStretch") for side in ("Left", "Right")
    ]
    names += [f"{n}{side}" for n in ("mouthLowerDown", "mouthUpperUp") for side in ("Left", "Right")]
    names += ["browInnerUp", "mouthShrugLower", "jawOpen"]
    calls = iter(range(10_000))

    def reader(picture: np.ndarray) -> dict[str, float] | None:
        assert picture.shape == (8, 8, 3)
        if (call := next(calls)) == 121:
            return None
        return {name: float(np.clip(0.2 + 0.5 * (call % 2) + rng.normal(0, 0.1), 0, 1)) for name in names}

    write_silver(tmp_path, reader, tmp_path / "silver.parquet")
    return tmp_path / "silver.parquet"


def test_round_trip(table: Path):
    silver = read_silver(table)
    # the 120 CK+ frames calibrate and are not in it; of the five others the second had no face
    assert set(silver) == {
        ("ferplus", "FER2013Train/fer0000000.png"),
        ("ferplus", "FER2013Train/fer0000002.png"),
        ("affectnet", "Manually_Annotated_Images/a.jpg"),
        ("celeba", "img_align_celeba/1.jpg"),
    }
    assert all(set(units) == set(SHAPES) for units in silver.values())
    assert list(table.parent.glob("*.unfinished")) == []


def test_departures_are_named(table: Path, tmp_path: Path):
    frame = pd.read_parquet(table)
    frame.drop(columns="AU12").to_parquet(tmp_path / "a.parquet")
    with pytest.raises(FormatError, match=r"no column \['AU12'\]"):
        read_silver(tmp_path / "a.parquet")
    for wrong in (1.5, float("nan")):
        frame.loc[1, "AU12"] = wrong
        frame.to_parquet(tmp_path / "b.parquet")
        with pytest.raises(FormatError, match=r"b\.parquet, row 1, AU12: .*, expected a value in \[0, 1\]"):
            read_silver(tmp_path / "b.parquet")
    (tmp_path / "c.parquet").write_text("no table")
    with pytest.raises(FormatError, match="expected a parquet table"):
        read_silver(tmp_path / "c.parquet")

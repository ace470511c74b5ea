"""Drawing on a morphable head, made up here with the arrays that ICT-FaceKit's file has."""

from pathlib import Path

import numpy as np
import pytest

from fbn.errors import FormatError, MissingFileError
from fbn.faces.align import TEMPLATE
from fbn.synthetic.ict import IctFace, weights
from fbn.synthetic.parameters import Camera, Face, Scene

VERTICES, ROWS = 26719, 100
#: Where the numbered landmarks of the model lie on ours: x to the person's left, y up.
PLACES = {
    1507: (-4.4, 3.4), 1528: (-1.8, 3.4), 3742: (1.8, 3.4), 3721: (4.4, 3.4), 4857: (0.0, 0.4),
    5708: (-2.5, -3.5), 6213: (2.5, -3.5), 0: (0.0, -2.6), 5518: (0.0, -4.4),
    268: (-5.8, 5.2), 1914: (-3.8, 6.2), 1401: (-1.2, 5.9), 3615: (1.2, 5.9), 4114: (3.8, 6.2), 2509: (5.8, 5.2),
}  # fmt: skip
NAMES = sorted(
    {f"{name}_{side}" for side in "LR" for name in (
        "browInnerUp", "browOuterUp", "browDown", "eyeWide", "cheekRaiser", "cheekSquint", "eyeSquint", "eyeBlink",
        "noseSneer", "mouthUpperUp", "mouthSmile", "mouthDimple", "mouthFrown", "mouthStretch", "mouthPress",
        "mouthLowerDown", "eyeLookOut", "eyeLookIn", "eyeLookUp", "eyeLookDown",
    )} | {"mouthShrugLower", "mouthRollLower", "mouthRollUpper", "jawOpen", "mouthClose"}
)  # fmt: skip


def arrays() -> dict[str, np.ndarray]:
    """A bulging plate for skin, everything else inside of it; AU1 and AU12 move it, other shapes do nothing."""
    x, y = np.meshgrid(np.linspace(-8, 8, ROWS), np.linspace(-9, 12, ROWS))
    nose = 2 * np.exp(-(x**2) - (y - 0.4) ** 2)
    grid = np.stack([x, y, 12 - 0.08 * x**2 - 0.04 * (y - 1) ** 2 + nose], -1).reshape(-1, 3)
    neutral = np.zeros((VERTICES, 3), np.float32)
    own = np.arange(len(grid))
    for index, place in PLACES.items():
        nearest = int(np.linalg.norm(grid[:, :2] - place, axis=1).argmin())
        at = int(np.flatnonzero(own == index)[0])
        own[[nearest, at]] = own[[at, nearest]]
    neutral[own] = grid
    corner = own.reshape(ROWS, ROWS)
    faces = np.stack([corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]], -1).reshape(-1, 4)
    expr = np.zeros((len(NAMES), VERTICES, 3), np.float16)
    for name, centre in (("browInnerUp_L", (1.5, 5.9)), ("mouthSmile_L", (2.5, -3.5)), ("mouthSmile_R", (-2.5, -3.5))):
        near = np.exp(-((neutral[:, :2] - centre) ** 2).sum(1)) * (neutral[:, 2] > 0)
        expr[NAMES.index(name), :, 1] = near
    return {
        "neutral": neutral,
        "expr": expr,
        "expr_names": np.array(NAMES),
        "identity": np.zeros((2, VERTICES, 3), np.float16),
        "faces": faces.astype(np.int32),
    }


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> IctFace:
    path = tmp_path_factory.mktemp("ict") / "ict_facekit.npz"
    np.savez_compressed(path, **arrays())
    return IctFace.read(path)


STILL = Face(scene=Scene(light=(0, -20)))


def test_a_face_lies_where_a_crop_has_it(head: IctFace) -> None:
    picture = head.draw([STILL], 112)[0]
    assert picture.image.shape == (112, 112, 3)
    assert np.abs(picture.landmarks - (TEMPLATE * 112 - 0.5)).max() < 6
    far = head.draw([STILL.model_copy(update={"camera": Camera(zoom=0.5)})], 112)[0]
    np.testing.assert_allclose(far.landmarks - 55.5, 0.5 * (picture.landmarks - 55.5), atol=0.1)


def test_the_skin_has_no_holes_and_its_pixels_no_stray_points(head: IctFace) -> None:
    image = head.draw([STILL], 144)[0].image[76:92, 40:54].astype(int)
    assert np.abs(np.diff(image, axis=0)).max() < 12
    assert np.abs(np.diff(image, axis=1)).max() < 12


def test_a_unit_moves_its_place_on_its_side_and_nothing_else(head: IctFace) -> None:
    brow = STILL.with_units({1: (1.0, 0.0)})
    before, after = head.draw([STILL, brow], 144)
    changed = np.abs(before.image.astype(int) - after.image).max(-1) > 20
    rows, columns = np.nonzero(changed)
    assert len(rows) > 20
    # the person's left is on the picture's right
    assert columns.min() > 72
    assert rows.max() < before.landmarks[1, 1]


def test_a_smile_lifts_the_corner_that_smiles(head: IctFace) -> None:
    rest, both, left = head.draw([STILL, STILL.with_units({12: 1.0}), STILL.with_units({12: (1.0, 0.0)})], 112)
    assert ((rest.landmarks - both.landmarks)[3:, 1] > 3).all()
    np.testing.assert_allclose(left.landmarks[3], rest.landmarks[3], atol=0.2)
    np.testing.assert_allclose(left.landmarks[4], both.landmarks[4], atol=0.01)


def test_a_turned_head_shows_its_nose_on_the_side_it_turns_to(head: IctFace) -> None:
    turned = head.draw([STILL.model_copy(update={"scene": Scene(yaw=20, light=(0, -20))})], 112)[0].landmarks
    assert turned[2, 0] - turned[:2, 0].mean() > 4


def test_closed_lips_stay_closed_while_the_jaw_drops() -> None:
    assert weights(Face().with_units({26: 1.0}))["mouthClose"] == pytest.approx(0.6)
    assert weights(Face().with_units({26: 1.0, 25: 1.0}))["mouthClose"] == 0
    assert max(weights(Face().with_units(dict.fromkeys((6, 7, 9, 10, 12, 23, 24, 25, 26), 1.0))).values()) <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.pop("identity"), "identity"),
        (lambda data: data.update(neutral=data["neutral"][:9]), r"neutral has shape \(9, 3\)"),
        (lambda data: data.update(expr_names=np.array([f"x{i}" for i in range(len(NAMES))])), "browInnerUp_L"),
    ],
    ids=["missing", "shape", "names"],
)
def test_a_file_that_departs_is_refused(tmp_path: Path, change, message: str) -> None:
    data = arrays()
    change(data)
    np.savez(tmp_path / "ict.npz", **data)
    with pytest.raises(FormatError, match=message):
        IctFace.read(tmp_path / "ict.npz")


def test_a_file_that_is_not_there_or_no_archive(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"ict\.npz"):
        IctFace.read(tmp_path / "ict.npz")
    (tmp_path / "ict.npz").write_text("nothing")
    with pytest.raises(FormatError, match="NumPy archive"):
        IctFace.read(tmp_path / "ict.npz")

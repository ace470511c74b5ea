"""What is drawn is what was asked for: each AU in its own region, mirrored exactly, landmarks on the drawing."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbn.faces.align import crop_matrix
from fbn.synthetic.parameters import Appearance, Camera, Face, Hair, HairColour, Identity, Scene
from fbn.synthetic.render import Picture, render, render_batch
from fbn.vocabulary import AU_NUMBERS

SIZE = 112
#: Where each AU may show in an aligned crop: (left, top, right, bottom) in shares of the side.
FOREHEAD_AND_BROWS = (0.12, 0.0, 0.88, 0.36)
EYES = (0.10, 0.29, 0.90, 0.47)
EYES_AND_CHEEKS = (0.06, 0.27, 0.94, 0.62)
NOSE_AND_BROW_ENDS = (0.26, 0.22, 0.74, 0.70)
MIDFACE = (0.24, 0.50, 0.76, 0.80)
LOWER_FACE = (0.14, 0.48, 0.86, 0.90)
MOUTH = (0.24, 0.60, 0.76, 0.88)
MOUTH_AND_CHIN = (0.26, 0.64, 0.74, 1.0)
JAW = (0.06, 0.60, 0.94, 1.0)
REGIONS = {
    1: FOREHEAD_AND_BROWS,
    2: FOREHEAD_AND_BROWS,
    4: FOREHEAD_AND_BROWS,
    5: EYES,
    6: EYES_AND_CHEEKS,
    7: EYES,
    9: NOSE_AND_BROW_ENDS,
    10: MIDFACE,
    12: LOWER_FACE,
    14: MOUTH,
    15: MOUTH,
    17: MOUTH_AND_CHIN,
    20: MOUTH,
    23: MOUTH,
    24: MOUTH,
    25: MOUTH,
    26: JAW,
}
#: Even light, so that a change of the face is seen on both its halves alike.
PLAIN = Face(scene=Scene(light=(0, -30)))


@cache
def drawn(face: Face, size: int = SIZE) -> Picture:
    return render(face, size)


def change(face: Face, other: Face) -> np.ndarray:
    """[size, size] squared difference of two drawings, summed over channels."""
    a, b = (drawn(f).image.astype(np.float64) for f in (face, other))
    return ((a - b) ** 2).sum(-1)


def inside(energy: np.ndarray, box: tuple[float, float, float, float]) -> float:
    left, top, right, bottom = (round(side * len(energy)) for side in box)
    return float(energy[top:bottom, left:right].sum() / energy.sum())


@pytest.mark.parametrize("number", AU_NUMBERS)
@pytest.mark.parametrize("melanin", [0.2, 0.85])
def test_a_unit_moves_its_own_region(number: int, melanin: float) -> None:
    rest = PLAIN.model_copy(update={"appearance": Appearance(melanin=melanin)})
    energy = change(rest, rest.with_units({number: 1}))
    assert inside(energy, REGIONS[number]) > 0.8
    # visible: as much as 30 pixels that change by 30 levels, on dark skin by 15
    assert energy.sum() > 30 * 3 * (30 if melanin < 0.5 else 15) ** 2


@pytest.mark.parametrize("number", AU_NUMBERS)
def test_change_grows_with_intensity(number: int) -> None:
    totals = [change(PLAIN, PLAIN.with_units({number: share})).sum() for share in (0.2, 0.4, 0.6, 0.8, 1.0)]
    assert totals[0] > 0
    assert (np.diff(totals) > 0).all()


@pytest.mark.parametrize("number", [n for n in AU_NUMBERS if n != 26])
def test_a_unit_of_one_half_stays_there(number: int) -> None:
    energy = change(PLAIN, PLAIN.with_units({number: (1.0, 0.0)}))
    # the person's left is the picture's right; the midline moves by half
    assert inside(energy, (0.5, 0, 1, 1)) > 0.6
    assert inside(energy, (0, 0, 0.38, 1)) < 0.05


def test_units_are_told_apart() -> None:
    changes = []
    for number in AU_NUMBERS:
        difference = drawn(PLAIN.with_units({number: 1})).image.astype(float) - drawn(PLAIN).image
        changes.append(difference.ravel() / np.linalg.norm(difference))
    likeness = np.array(changes) @ np.array(changes).T - np.eye(len(AU_NUMBERS))
    # 23 and 24, 25 and 26 are relatives in FACS too
    assert likeness.max() < 0.85


SOME = [
    PLAIN,
    Face(
        identity=Identity(asymmetry=0.8, eye_tilt=0.5, mouth_width=-0.6, fullness=0.7),
        appearance=Appearance(melanin=0.7, hair=Hair.LONG, hair_colour=HairColour.BLACK, lipstick=0.7, make_up=0.6),
        scene=Scene(yaw=24, pitch=-8, roll=11, gaze=(0.5, -0.2), light=(-40, -20), hardness=0.9, background=7),
        camera=Camera(shift=(0.05, -0.03), zoom=0.9),
    ).with_units({1: (1, 0.2), 12: (0, 1), 25: 0.8, 26: 0.4, 9: (0.3, 0.9)}),
    Face(
        identity=Identity(asymmetry=-0.5, jaw_width=1),
        appearance=Appearance(age=0.9, beard=0.7, moustache=0.9, glasses=0.6, hair=Hair.RECEDING),
        scene=Scene(yaw=-30, roll=-20, light=(50, 10), blink=0.3),
    ).with_units({4: 1, 15: (0.7, 0.1), 17: 1}),
]


@pytest.mark.parametrize("face", SOME)
def test_a_mirrored_face_is_the_mirror_image(face: Face) -> None:
    one, other = render(face).image.astype(int), render(face.mirrored()).image[:, ::-1].astype(int)
    assert np.abs(one - other).max() <= 2


@pytest.mark.parametrize("face", SOME)
def test_mirrored_landmarks(face: Face) -> None:
    one, other = render(face), render(face.mirrored())
    flipped = other.landmarks[[1, 0, 2, 4, 3]] * [-1, 1] + [SIZE - 1, 0]
    np.testing.assert_allclose(one.landmarks, flipped, atol=1e-3)
    swap = {"left_brow": "right_brow", "left_eye": "right_eye", "left_iris": "right_iris"}
    for left, right in swap.items():
        there = other.dense[other.parts[right]] * [-1, 1] + [SIZE - 1, 0]
        here = one.dense[one.parts[left]]
        # the same points, in another order
        np.testing.assert_allclose(sorted(here.tolist()), sorted(there.tolist()), atol=1e-3)


@pytest.mark.parametrize("size", [48, 112, 256])
def test_the_plain_face_lies_as_a_crop_would(size: int) -> None:
    matrix = crop_matrix(drawn(PLAIN, size).landmarks, size)
    np.testing.assert_allclose(matrix[:, :2], 1.04 * np.eye(2), atol=0.01)
    middle = np.full(2, size / 2 - 0.5)
    np.testing.assert_allclose(matrix[:, :2] @ middle + matrix[:, 2], middle, atol=0.012 * size)


def test_deterministic_and_batched() -> None:
    noisy = [face.model_copy(update={"camera": Camera(noise=0.5, blur=0.2, compression=0.5, seed=3)}) for face in SOME]
    for face, picture in zip(noisy, render_batch(noisy, 96), strict=True):
        again = render(face, 96)
        assert (picture.image == again.image).all()
        assert (picture.dense == again.dense).all()


def test_the_seed_of_the_noise_counts() -> None:
    one, other = (render(PLAIN.model_copy(update={"camera": Camera(noise=0.5, seed=s)})).image for s in (0, 1))
    assert (one != other).mean() > 0.5


def test_a_face_survives_json() -> None:
    for face in SOME:
        assert Face.model_validate_json(face.model_dump_json()) == face


def test_gray_is_gray() -> None:
    image = render(PLAIN.model_copy(update={"camera": Camera(gray=True, noise=0.3)})).image
    assert (image[..., 0] == image[..., 1]).all()
    assert (image[..., 0] == image[..., 2]).all()


@pytest.mark.parametrize("size", [7, 0, -3])
def test_too_small(size: int) -> None:
    with pytest.raises(ValueError, match="expected at least 8"):
        render(PLAIN, size)


share, trait = st.floats(0, 1), st.floats(-1, 1)
faces = st.builds(
    Face,
    action_units=st.tuples(*[st.tuples(share, share)] * len(AU_NUMBERS)),
    identity=st.builds(Identity, **dict.fromkeys(Identity.model_fields, trait)),
    appearance=st.builds(
        Appearance,
        hair=st.sampled_from(Hair),
        hair_colour=st.sampled_from(HairColour),
        **dict.fromkeys(set(Appearance.model_fields) - {"hair", "hair_colour"}, share),
    ),
    scene=st.builds(
        Scene,
        yaw=st.floats(-45, 45),
        pitch=st.floats(-30, 30),
        roll=st.floats(-45, 45),
        gaze=st.tuples(trait, trait),
        blink=share,
        light=st.tuples(st.floats(-90, 90), st.floats(-90, 90)),
        hardness=share,
        warmth=trait,
        background=st.integers(0, 10**6),
    ),
    camera=st.builds(
        Camera,
        zoom=st.floats(0.4, 1.6),
        shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
        exposure=trait,
        gray=st.booleans(),
        blur=share,
        noise=share,
        compression=share,
        seed=st.integers(0, 10**6),
    ),
)


@settings(max_examples=40)
@given(faces, st.sampled_from([48, 112, 256]))
def test_any_face_can_be_drawn(face: Face, size: int) -> None:
    with np.errstate(invalid="raise", divide="raise", over="raise"):
        picture = render(face, size)
    assert picture.image.shape == (size, size, 3)
    assert picture.image.dtype == np.uint8
    for points in (picture.landmarks, picture.dense):
        assert points.dtype == np.float32
        assert np.isfinite(points).all()
    covered = np.concatenate([np.arange(len(picture.dense))[part] for part in picture.parts.values()])
    assert sorted(covered) == list(range(len(picture.dense)))


@settings(max_examples=15)
@given(faces)
def test_any_face_mirrors(face: Face) -> None:
    still = face.model_copy(update={"camera": face.camera.model_copy(update={"noise": 0, "compression": 0})})
    one, other = render(still).image.astype(int), render(still.mirrored()).image[:, ::-1].astype(int)
    apart = np.abs(one - other)
    # a hard edge may fall on the other side of a rounding now and then
    assert (apart > 2).mean() < 0.002
    assert apart.mean() < 0.1

import numpy as np
import pytest

from fbn.data.augment import centre
from fbn.faces.align import TEMPLATE, align
from fbn.relatedness import RelatednessTable
from fbn.synthetic.domains import DOMAINS
from fbn.synthetic.parameters import Camera, Face, Scene
from fbn.synthetic.pool import draw_crops
from fbn.synthetic.render import render
from fbn.synthetic.world import World

DU = RelatednessTable.named("du2014")


def test_crops_are_of_the_faces_in_their_order():
    faces = [World(DU, 0, DOMAINS["rafdb"]).draw(i).face for i in range(4)]
    crops = draw_crops(faces)
    assert crops.shape == (4, 144, 144, 3)
    assert crops.dtype == np.uint8
    assert len({crop.tobytes() for crop in crops}) == 4
    assert (draw_crops(faces[2:]) == crops[2:]).all()
    assert draw_crops(faces[:1], size=64).shape == (1, 82, 82, 3)


@pytest.mark.parametrize(
    "face",
    [
        Face(),
        Face(scene=Scene(roll=15, yaw=10)),
        Face(camera=Camera(zoom=0.7, shift=(0.08, -0.05))),
    ],
    ids=["plain", "turned", "far"],
)
def test_the_middle_of_a_crop_is_what_align_cuts_from_the_picture(face: Face):
    picture = render(face, 224)
    wanted = align(picture.image, picture.landmarks, 112).astype(float)
    found = centre(draw_crops([face])[0][None])[0].astype(float)
    inner = (slice(12, -12), slice(12, -12))
    assert np.abs(wanted[inner] - found[inner]).mean() < 8
    shifted = np.roll(found, 6, axis=1)
    assert np.abs(wanted[inner] - shifted[inner]).mean() > 1.5 * np.abs(wanted[inner] - found[inner]).mean()


def test_landmarks_of_the_average_face_lie_near_the_template():
    points = render(Face(), 112).landmarks
    assert np.abs(points - (TEMPLATE * 112 - 0.5)).max() < 4


def test_sets_of_one_world_differ_in_pixels():
    gray, colour = (draw_crops([World(DU, 0, DOMAINS[n]).draw(0).face])[0].astype(float) for n in ("ferplus", "disfa"))
    assert np.ptp(gray, axis=-1).mean() < 4 < np.ptp(colour, axis=-1).mean()

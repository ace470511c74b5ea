"""Landmarks lie on what is drawn, whatever the muscles and the pose."""

from typing import Any

import cv2
import numpy as np
import pytest

from fbn.synthetic.parameters import Appearance, Face, Hair, Scene
from fbn.synthetic.render import Picture, render

SIZE = 256
POSES = [Scene(), Scene(yaw=25, pitch=8), Scene(yaw=-20, roll=15)]


def face(units: dict[int, Any], scene: Scene = POSES[0], **look: Any) -> Picture:
    return render(Face(scene=scene, appearance=Appearance(**look)).with_units(units), SIZE)


def gray(picture: Picture) -> np.ndarray:
    return cv2.GaussianBlur(cv2.cvtColor(picture.image, cv2.COLOR_RGB2GRAY), (0, 0), 1.0).astype(float)


def at(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    columns, rows = np.round(np.atleast_2d(points)).astype(int).T
    return np.asarray(image[rows, columns])


@pytest.mark.parametrize("scene", POSES)
@pytest.mark.parametrize("gaze", [(0, 0), (0.8, 0), (-0.6, 0.5)])
def test_the_iris_lies_on_dark_pixels(scene: Scene, gaze: tuple[float, float]) -> None:
    picture = face({5: 1}, scene.model_copy(update={"gaze": gaze}))
    image = gray(picture)
    for side in ("left", "right"):
        iris = picture.dense[picture.parts[f"{side}_iris"]]
        reach = np.linalg.norm(iris[1] - iris[0])
        grid = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1)
        away = np.linalg.norm(grid - iris[0], axis=-1)
        disc, whole = image[away < 0.6 * reach], image[away < 4 * reach]
        assert np.median(disc) < 75
        assert np.median(disc) < np.median(whole) - 60


@pytest.mark.parametrize("scene", POSES)
@pytest.mark.parametrize("units", [{}, {12: 1}, {20: (1, 0)}, {23: 1}, {15: (0.2, 1)}, {12: 0.8, 25: 1, 26: 0.7}])
def test_mouth_corners_are_where_the_red_ends(scene: Scene, units: dict[int, Any]) -> None:
    picture = face(units, scene, lipstick=1, melanin=0.3, redness=0)
    r, g, _ = np.moveaxis(picture.image.astype(float), -1, 0)
    rows, columns = np.nonzero((r - g > 75) & (np.arange(SIZE)[:, None] > 0.6 * SIZE))
    turn = np.radians(scene.roll)
    along = columns * np.cos(turn) + rows * np.sin(turn)
    left, right = (float(p[0] * np.cos(turn) + p[1] * np.sin(turn)) for p in picture.landmarks[3:])
    assert along.min() == pytest.approx(left, abs=0.02 * SIZE)
    assert along.max() == pytest.approx(right, abs=0.02 * SIZE)


@pytest.mark.parametrize("scene", POSES)
def test_the_open_mouth_is_dark_between_the_inner_lips(scene: Scene) -> None:
    closed, opened = face({}, scene), face({25: 1, 26: 1}, scene)
    inner = opened.dense[opened.parts["mouth_inner"]]
    hole = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(hole, [np.round(inner).astype(np.int32)], 1)
    dark = gray(opened) < 60
    assert dark[hole > 0].mean() > 0.4
    # teeth, tongue and dark fill the hole; nothing dark lies below it
    around = cv2.dilate(hole, np.ones((9, 9), np.uint8)) > 0
    mouth = cv2.dilate(hole, np.ones((41, 41), np.uint8)) > 0
    assert dark[mouth & ~around].mean() < 0.02
    chin = opened.parts["jaw"].start + 8
    assert opened.dense[chin, 1] - closed.dense[chin, 1] > 0.04 * SIZE


@pytest.mark.parametrize("units", [{}, {1: 1}, {2: 1}, {4: 1}, {1: (1, 0), 4: (0, 1)}])
def test_brows_are_darker_than_the_skin_beside_them(units: dict[int, Any]) -> None:
    picture = face(units, melanin=0.1, hair_colour="black")
    image = gray(picture)
    for side in ("left", "right"):
        points = picture.dense[picture.parts[f"{side}_brow"]][1:4]
        step = np.array([0, 0.045 * SIZE])
        beside = (at(image, points + step) + at(image, points - step)) / 2
        assert (at(image, points) < beside - 40).all()


@pytest.mark.parametrize("units", [{}, {26: 1}])
def test_the_jaw_is_where_the_head_ends(units: dict[int, Any]) -> None:
    pictures = [face(units, Scene(background=seed), hair=Hair.BALD) for seed in (1, 2)]
    behind = np.abs(pictures[0].image.astype(int) - pictures[1].image).sum(-1) > 0
    inside = cv2.distanceTransform((~behind).astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(behind.astype(np.uint8), cv2.DIST_L2, 5)
    jaw = pictures[0].dense[pictures[0].parts["jaw"]]
    # beside these points stand neither ears nor neck
    points = jaw[[4, 12]]
    assert (at(inside, points) + at(outside, points) < 0.015 * SIZE).all()


@pytest.mark.parametrize(("number", "part", "sign"), [(12, 3, -1), (15, 3, 1), (12, 4, -1), (15, 4, 1)])
def test_one_corner_moves_alone(number: int, part: int, sign: int) -> None:
    picture_side = (0.0, 1.0) if part == 3 else (1.0, 0.0)
    moved = face({number: picture_side}).landmarks - face({}).landmarks
    assert sign * moved[part, 1] > 0.02 * SIZE
    np.testing.assert_allclose(np.delete(moved, part, 0), 0, atol=1e-3)

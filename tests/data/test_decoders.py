"""Data sets are decoded by OpenCV, what users give by Pillow: what one saw in training the other must show."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from fbn.data.pictures import read_picture
from fbn.faces import pictures
from fbn.records import Annotations, Sample

FACE = astronaut()[40:190, 150:300]


@pytest.mark.parametrize("name", ["gray.png", "colour.png", "gray.jpg", "colour.jpg"])
def test_both_decoders_agree_within_three_grey_levels(tmp_path: Path, name: str) -> None:
    picture = cv2.cvtColor(FACE, cv2.COLOR_RGB2GRAY) if "gray" in name else FACE[..., ::-1]
    cv2.imwrite(str(tmp_path / name), picture)
    trained = read_picture(Sample("x", str(tmp_path), name, Annotations.empty()))
    shown = pictures.read_picture(tmp_path / name)
    assert trained.shape == shown.shape
    difference = np.abs(trained.astype(int) - shown)
    assert difference.max() <= (0 if name.endswith("png") else 3)

"""The shipped weights read a face that everyone has: scikit-image's smiling astronaut."""

import pytest
from skimage.data import astronaut

from fbn.inference import FaceAnalyser
from fbn.models import store
from fbn.vocabulary import AU_INDEX


@pytest.mark.parametrize("detector", ["auto", "fbn", "cascade"])
def test_the_shipped_weights_see_the_astronaut_smile(detector: str) -> None:
    if store.default() not in store.names():
        pytest.skip("no weights are shipped yet")
    faces = FaceAnalyser(detector=detector).picture(astronaut()).faces
    affect = max(faces, key=lambda face: face.box.area).affect
    assert affect.label == "happiness"
    assert affect.action_units[AU_INDEX[12]] > 0.5
    assert affect.valence_arousal[0] > 0

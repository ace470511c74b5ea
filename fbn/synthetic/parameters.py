"""Parameters of a synthetic face: action units, identity, appearance, scene and camera, as frozen values.

They are serialised to JSON without loss, so that a saved face is drawn again with the same pixels.
"""

from enum import StrEnum
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fbn.vocabulary import AU_INDEX, AU_NUMBERS

#: 0: absent, 1: maximum.
Share = Annotated[float, Field(ge=0, le=1)]
#: 0: average; -1 and 1: extremes.
Trait = Annotated[float, Field(ge=-1, le=1)]
_Angle = Annotated[float, Field(ge=-90, le=90)]
_Shift = Annotated[float, Field(ge=-0.5, le=0.5)]


class Hair(StrEnum):
    """Hair style."""

    BALD = "bald"
    RECEDING = "receding"
    SHORT = "short"
    BANGS = "bangs"
    LONG = "long"


class HairColour(StrEnum):
    """Natural colours, as CelebA names them."""

    BLACK = "black"
    BROWN = "brown"
    BLOND = "blond"
    GRAY = "gray"


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Identity(_Value):
    """Shape of the neutral face; all 0 is the average face."""

    face_width: Trait = 0.0
    face_length: Trait = 0.0
    jaw_width: Trait = 0.0
    chin_length: Trait = 0.0
    cheek_bones: Trait = 0.0
    fullness: Trait = 0.0
    brow_height: Trait = 0.0
    brow_arch: Trait = 0.0
    brow_thickness: Trait = 0.0
    eye_size: Trait = 0.0
    eye_spacing: Trait = 0.0
    eye_tilt: Trait = 0.0
    eye_depth: Trait = 0.0
    nose_length: Trait = 0.0
    nose_width: Trait = 0.0
    nose_bridge: Trait = 0.0
    mouth_width: Trait = 0.0
    lip_thickness: Trait = 0.0
    philtrum: Trait = 0.0
    mouth_tilt: Trait = 0.0
    cheek_folds: Trait = 0.0
    frown_lines: Trait = 0.0
    chin_boss: Trait = 0.0
    asymmetry: Trait = 0.0


class Appearance(_Value):
    """Skin, hair, age, glasses and make-up."""

    melanin: Share = 0.35
    redness: Share = 0.4
    age: Share = 0.3
    iris: Share = Field(default=0.2, description="0 dark brown, 1 light blue")
    hair: Hair = Hair.SHORT
    hair_colour: HairColour = HairColour.BROWN
    beard: Share = Field(default=0.0, description="0 shaved, 0.3 stubble, 1 full")
    moustache: Share = 0.0
    glasses: Share = Field(default=0.0, description="0 none, above that the thickness of their rim")
    lipstick: Share = 0.0
    make_up: Share = Field(default=0.0, description="eye shadow and lashes")


class Scene(_Value):
    """Head pose, gaze and light. Angles are in degrees; x points to the picture's right, y down."""

    yaw: float = Field(default=0.0, ge=-45, le=45, description="positive turns the nose to the picture's right")
    pitch: float = Field(default=0.0, ge=-30, le=30, description="positive lowers the nose")
    roll: float = Field(default=0.0, ge=-45, le=45, description="positive turns clockwise in the picture")
    gaze: tuple[Trait, Trait] = Field(
        default=(0.0, 0.0), description="of the eyes in the head: to the picture's right, down; 1 is as far as they go"
    )
    blink: Share = 0.0
    light: tuple[_Angle, _Angle] = Field(
        default=(-20.0, -30.0), description="where it comes from: azimuth, elevation; negative is left, above"
    )
    hardness: Share = Field(default=0.5, description="0 light from everywhere, 1 one lamp alone")
    warmth: Trait = 0.0
    background: int = Field(default=0, ge=0, description="seed of what stands behind the head")


class Camera(_Value):
    """Camera and file: framing, exposure, blur, noise, compression."""

    zoom: float = Field(default=1.0, ge=0.4, le=1.6, description="1 as the aligned crop shows a face")
    shift: tuple[_Shift, _Shift] = Field(default=(0.0, 0.0), description="in shares of the picture's side")
    exposure: Trait = 0.0
    gray: bool = False
    blur: Share = 0.0
    noise: Share = 0.0
    compression: Share = 0.0
    seed: int = Field(default=0, ge=0, description="of the noise")


class Face(_Value):
    """One picture of one face.

    Attributes:
        action_units: 17 pairs in ``ACTION_UNITS`` order: intensity in [0, 1] of the person's left and right half. The
            person's left half is on the picture's right.
    """

    action_units: tuple[tuple[Share, Share], ...] = Field(
        default=((0.0, 0.0),) * len(AU_NUMBERS), min_length=len(AU_NUMBERS), max_length=len(AU_NUMBERS)
    )
    identity: Identity = Identity()
    appearance: Appearance = Appearance()
    scene: Scene = Scene()
    camera: Camera = Camera()

    def with_units(self, units: dict[int, float | tuple[float, float]]) -> Self:
        """Return the face with exactly these AUs: FACS number -> intensity, or (left, right).

        Raises:
            ValueError: an AU is not among the 17, or an intensity is outside [0, 1].
        """
        if unknown := set(units) - set(AU_NUMBERS):
            raise ValueError(f"AU{min(unknown)} is not among {list(AU_NUMBERS)}")
        pairs = [(0.0, 0.0)] * len(AU_NUMBERS)
        for number, value in units.items():
            pairs[AU_INDEX[number]] = value if isinstance(value, tuple) else (value, value)
        return type(self).model_validate({**self.model_dump(), "action_units": tuple(pairs)})

    @property
    def intensities(self) -> np.ndarray:
        """[17, 2] float32, left and right."""
        return np.array(self.action_units, np.float32)

    def mirrored(self) -> Self:
        """Return the face whose picture is the mirror image of this one's, except for camera noise."""
        scene, camera = self.scene, self.camera
        return self.model_copy(
            update={
                "action_units": tuple((right, left) for left, right in self.action_units),
                "identity": self.identity.model_copy(update={"asymmetry": -self.identity.asymmetry}),
                "scene": scene.model_copy(
                    update={
                        "yaw": -scene.yaw,
                        "roll": -scene.roll,
                        "gaze": (-scene.gaze[0], scene.gaze[1]),
                        "light": (-scene.light[0], scene.light[1]),
                    }
                ),
                "camera": camera.model_copy(update={"shift": (-camera.shift[0], camera.shift[1])}),
            }
        )

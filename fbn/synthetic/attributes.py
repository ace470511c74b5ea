"""CelebA's 40 attributes of a face: each has a rule, or is always false.

A rule depends on the ``Face`` alone, so an attribute is true exactly if the picture shows it. Thresholds are fbn's
choice. ``Male`` is CelebA's name for the perceived gender; here it is a contrast of five traits in which average men's
and women's faces differ.
"""

from collections.abc import Callable, Mapping

from fbn.synthetic.activity import coded
from fbn.synthetic.parameters import Appearance, Face, Hair, HairColour, Identity
from fbn.vocabulary import ATTRIBUTES, AU_INDEX

#: Below this level, a beard or colour is invisible.
BARE = 0.12
#: From this level on, a beard, a moustache or make-up is obvious.
CLEAR = 0.5
#: Brows are arched from this level on, and a face is young below this age.
ARCHED, YOUNG = 0.3, 0.5
#: Weights of the contrast behind ``Male``.
MALE_TRAITS: Mapping[str, int] = {
    "jaw_width": 1,
    "brow_thickness": 1,
    "chin_length": 1,
    "lip_thickness": -1,
    "eye_size": -1,
}


def male_score(identity: Identity) -> float:
    """Return the contrast behind ``Male``, which is true above 0."""
    return sum(sign * getattr(identity, name) for name, sign in MALE_TRAITS.items())


def _identity(rule: Callable[[Identity], bool]) -> Callable[[Face], bool]:
    return lambda face: rule(face.identity)


def _look(rule: Callable[[Appearance], bool]) -> Callable[[Face], bool]:
    return lambda face: rule(face.appearance)


def _hair(colour: HairColour) -> Callable[[Face], bool]:
    return _look(lambda a: a.hair_colour is colour and a.hair is not Hair.BALD)


def _active(*numbers: int) -> Callable[[Face], bool]:
    return lambda face: bool(coded(face.intensities)[[AU_INDEX[n] for n in numbers]].any())


#: Attribute -> its rule.
RULES: Mapping[str, Callable[[Face], bool]] = {
    "5_o_Clock_Shadow": _look(lambda a: BARE <= a.beard < CLEAR),
    "Arched_Eyebrows": _identity(lambda i: i.brow_arch >= ARCHED),
    "Bald": _look(lambda a: a.hair is Hair.BALD),
    "Bangs": _look(lambda a: a.hair is Hair.BANGS),
    "Big_Lips": _identity(lambda i: i.lip_thickness >= 0.4),
    "Big_Nose": _identity(lambda i: i.nose_width + i.nose_length >= 0.6),
    "Black_Hair": _hair(HairColour.BLACK),
    "Blond_Hair": _hair(HairColour.BLOND),
    "Blurry": lambda face: face.camera.blur >= 0.3,
    "Brown_Hair": _hair(HairColour.BROWN),
    "Bushy_Eyebrows": _identity(lambda i: i.brow_thickness >= 0.45),
    "Chubby": _identity(lambda i: i.fullness >= 0.5),
    "Eyeglasses": _look(lambda a: a.glasses > 0),
    "Gray_Hair": _hair(HairColour.GRAY),
    "Heavy_Makeup": _look(lambda a: a.make_up >= CLEAR),
    "High_Cheekbones": _identity(lambda i: i.cheek_bones >= 0.4),
    "Male": _identity(lambda i: male_score(i) > 0),
    "Mouth_Slightly_Open": _active(25, 26),
    # a full beard is drawn with a moustache
    "Mustache": _look(lambda a: max(a.moustache, 0.8 * a.beard) >= CLEAR),
    "Narrow_Eyes": _identity(lambda i: i.eye_size <= -0.45),
    "No_Beard": _look(lambda a: a.beard < BARE and a.moustache < BARE),
    "Oval_Face": _identity(lambda i: i.face_length - i.jaw_width >= 0.4),
    "Pale_Skin": _look(lambda a: a.melanin <= 0.1),
    "Pointy_Nose": _identity(lambda i: i.nose_width <= -0.3),
    "Receding_Hairline": _look(lambda a: a.hair is Hair.RECEDING),
    "Rosy_Cheeks": _look(lambda a: a.redness >= 0.75),
    "Smiling": _active(12),
    "Wearing_Lipstick": _look(lambda a: a.lipstick >= BARE),
    "Young": _look(lambda a: a.age < YOUNG),
}

#: Attributes that a drawn face cannot show (opinions, clothes, details of hair); always false.
HIDDEN: tuple[str, ...] = tuple(name for name in ATTRIBUTES if name not in RULES)


def attributes(face: Face) -> tuple[tuple[str, bool], ...]:
    """All 40, in CelebA's order."""
    return tuple((name, name in RULES and RULES[name](face)) for name in ATTRIBUTES)

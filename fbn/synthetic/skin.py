"""Skin: relief, colour and shading."""

import zlib
from functools import cache

import cv2
import numpy as np

from fbn.synthetic.geometry import Half, Sheet, bowed, halves, unit
from fbn.synthetic.muscles import Bump, Crease, bumps, creases
from fbn.synthetic.parameters import Appearance, Face, Identity
from fbn.synthetic.shape import Shape

_MELANIN = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
#: Display colours of skin from the lightest to the darkest, 0 to 255.
_TONES = np.array([[246, 219, 203], [229, 186, 158], [196, 146, 112], [141, 96, 68], [88, 58, 44]], np.float64)


def linear(display: np.ndarray) -> np.ndarray:
    """Convert display colours in [0, 255] to reflectance in [0, 1], with gamma 2."""
    return ((np.asarray(display) / 255) ** 2).astype(np.float32)


def tone(appearance: Appearance) -> np.ndarray:
    """Return the [3] reflectance of the bare skin."""
    colour = np.array([np.interp(appearance.melanin, _MELANIN, _TONES[:, c]) for c in range(3)])
    colour *= 1 + (appearance.redness - 0.4) * np.array([0.06, -0.06, -0.05])
    return linear(np.clip(colour, 0, 255))


def _gaussians(sheet: Sheet, parts: list[Bump]) -> np.ndarray:
    """Return the sum of round bumps [H, W], computed as a matrix product since each bump is separable."""
    table = np.array([(b.u, b.y, b.across, b.down, b.height) for b in parts if b.height], np.float32)
    if not len(table):
        return sheet.zeros()
    u, y, across, down, height = table.T[:, :, None]
    columns = height * np.exp(-0.5 * ((sheet.x - u) / across) ** 2)
    rows = np.exp(-0.5 * ((sheet.y - y) / down) ** 2)
    return np.asarray(rows.T @ columns, np.float32)


def _fold(height: np.ndarray, sheet: Sheet, crease: Crease) -> None:
    """Add a crease to a relief [H, W], in place: a valley with a low ridge on either side."""
    # not narrower than the sheet's resolution
    width = max(crease.width, 0.8 * sheet.step)
    across = [p[1] for p in crease.points]
    first, last = crease.points[0][0], crease.points[-1][0]
    spans = (first, last), (min(across) - 5 * width, max(across) + 5 * width)
    patch, any_point = sheet.window(*(spans[::-1] if crease.upright else spans))
    if not any_point:
        return
    t, c = (patch.y, patch.u) if crease.upright else (patch.u, patch.y)
    s = (c - bowed(t, crease.points)) * (1 / width)
    d2 = s * s
    valley = 1 / (1 + d2)
    valley *= valley
    bank = 1 / (1 + d2 * (1 / 6))
    bank *= bank
    bank *= 0.35 + crease.overhang * 1.3 * s
    # two furrows that meet at the midline cross-fade over it
    rise = 2 * abs(first) if crease.open_start else 0.3 * (last - first)
    fade = unit(np.minimum((t - first) * (1 / rise), (last - t) * (1 / (0.45 * (last - first)))))
    fade *= fade * (3 - 2 * fade) * crease.depth
    view = patch.of(height)
    view -= fade * (valley - bank)


def relief(sheet: Sheet, shape: Shape, face: Face, level: np.ndarray) -> np.ndarray:
    """Return the height of the skin towards the viewer [H, W], in units of the crop's side."""
    dome = np.sqrt(np.maximum(level, 0) + 0.015)
    height = 0.16 * dome + 0.13 * np.sqrt(dome)
    for half, relaxed, a, view in zip(shape.halves, shape.relaxed, shape.units, halves(height), strict=True):
        parts = _skull(half, relaxed, face.identity, face.appearance.age) + bumps(half, a, shape.jaw)
        view += _gaussians(sheet, [_shared(part) for part in parts])
        for crease in creases(half, a, face.identity, face.appearance.age):
            _fold(view, sheet, crease)
    return height


def _shared(part: Bump) -> Bump:
    """A bump on the midline belongs half to either side."""
    return part if part.u else Bump(0.0, part.y, part.across, part.down, part.height / 2)


def _skull(h: Half, r: Half, i: Identity, age: float) -> list[Bump]:
    """The relief of a face at rest: bone, fat and gristle."""
    eye_u, eye_y = h.eye
    wing_u, wing_y = h.wing
    lip = h.line - h.part_up - h.up
    below = h.line + h.part_low + h.low
    bridge = 1 + 0.45 * i.nose_bridge
    return [
        Bump(0.12, 0.10, 0.11, 0.09, 0.012),
        Bump(0.31, 0.19, 0.045, 0.08, -0.012),
        Bump(0.15, h.brow[1, 1] + 0.004, 0.085, 0.026, 0.013 + 0.006 * i.eye_depth),
        Bump(0.0, 0.285, 0.045, 0.050, 0.014),
        # socket and ball of the eye
        Bump(0.082, eye_y - 0.024, 0.026, 0.030, -0.024 - 0.010 * i.eye_depth),
        Bump(0.190, eye_y - 0.038, 0.060, 0.020, -0.010 - 0.007 * i.eye_depth),
        Bump(eye_u, eye_y, 0.052, 0.034, 0.022),
        Bump(0.130, eye_y + 0.050, 0.050, 0.018, -0.006 - 0.004 * age),
        Bump(0.250, eye_y + 0.01, 0.030, 0.040, -0.006),
        # nose: root, bridge, ball, wings, and what lies beside and under it
        Bump(0.0, 0.385, 0.026, 0.050, 0.030 * bridge),
        Bump(0.0, 0.460, 0.027, 0.050, 0.040 * bridge),
        Bump(0.0, h.tip - 0.008, 0.034 * wing_u / 0.063, 0.032, 0.068),
        Bump(0.022, h.tip + 0.010, 0.020, 0.018, 0.012),
        Bump(wing_u - 0.008, wing_y, 0.021 * wing_u / 0.063, 0.022, 0.034),
        Bump(wing_u + 0.030, wing_y + 0.002, 0.014, 0.026, -0.008),
        Bump(0.0, h.tip + 0.062, 0.064, 0.018, -0.026),
        # cheeks
        Bump(0.215, 0.495, 0.070, 0.050, 0.016 + 0.014 * i.cheek_bones),
        Bump(0.265, 0.655, 0.060, 0.080, -0.016 + 0.018 * i.fullness - 0.006 * i.cheek_bones),
        Bump(0.125, 0.640, 0.040, 0.050, 0.006 + 0.010 * i.fullness),
        # the mound of the mouth, the groove above it, the hollow below it, the chin
        Bump(0.0, h.line, 0.105, 0.085, 0.030),
        Bump(0.0, (h.tip + 0.068 + lip) / 2, 0.011, 0.022, -0.006),
        Bump(0.018, (h.tip + 0.068 + lip) / 2, 0.010, 0.022, 0.002),
        Bump(0.0, below + 0.020, 0.060, 0.016, -0.014 - 0.006 * i.chin_boss),
        Bump(0.0, h.chin - 0.068, 0.060, 0.042, 0.020 + 0.010 * i.chin_boss),
    ]


@cache
def _grain(kind: str) -> np.ndarray:
    """A tall half-width field of noise, mean 0: ``pores``, ``blotches`` or ``strands`` (drawn out downwards)."""
    rng = np.random.default_rng(zlib.crc32(kind.encode()))
    noise = rng.standard_normal((1024, 224)).astype(np.float32)
    across, down = {"pores": (1.0, 1.0), "blotches": (14.0, 14.0), "strands": (0.8, 12.0)}[kind]
    field = cv2.GaussianBlur(noise, (0, 0), across, sigmaY=down, borderType=cv2.BORDER_REFLECT)
    return np.asarray(field / field.std(), np.float32)


def grain(sheet: Sheet, kind: str, seed: int) -> np.ndarray:
    """Noise [H, W] of spread 1, symmetric about the midline, another one for each seed; fixed in face coordinates."""
    field = _grain(kind)
    scale = 300.0
    offset = seed % 400
    rows, columns = sheet.shape
    top = max(0, round((sheet.y[0] + 0.5) * scale)) + offset
    piece = field[
        top : top + max(2, round(rows * sheet.step * scale)), : max(2, round(columns / 2 * sheet.step * scale))
    ]
    half = cv2.resize(piece, (columns // 2, rows), interpolation=cv2.INTER_LINEAR)
    return np.concatenate([half[:, ::-1], half], axis=1)


def seed_of(face: Face) -> int:
    """Return a seed that depends only on the person, and is equal for the mirrored face."""
    traits = face.identity.model_copy(update={"asymmetry": abs(face.identity.asymmetry)})
    return zlib.crc32(np.array(list(traits.model_dump().values()), np.float32).tobytes())


def colour(sheet: Sheet, shape: Shape, face: Face) -> np.ndarray:
    """Return the reflectance of the bare skin [3, H, W]."""
    appearance, seed = face.appearance, seed_of(face)
    flush, socket = sheet.zeros(), sheet.zeros()
    depth = 0.40 + 0.16 * face.identity.eye_depth + 0.06 * appearance.age
    for half, view, dark in zip(shape.halves, halves(flush), halves(socket), strict=True):
        eye_u, eye_y = half.eye
        # the skin round the eye is thin and lets what is dark below it through, most towards the nose
        around = [
            Bump(eye_u - 0.01, eye_y - 0.026, 0.078, 0.034, depth),
            Bump(eye_u - 0.05, eye_y - 0.005, 0.030, 0.040, 0.5 * depth),
            Bump(eye_u - 0.02, eye_y + 0.040, 0.055, 0.018, 0.4 * depth),
        ]
        dark += _gaussians(sheet, around)
        parts = [
            Bump(0.205, 0.535, 0.075, 0.060, 0.9),
            Bump(0.0, half.tip, 0.050, 0.040, 0.9),
            Bump(half.wing[0], half.wing[1], 0.025, 0.025, 0.5),
            Bump(0.0, half.chin - 0.07, 0.060, 0.045, 0.35),
            Bump(eye_u, eye_y + 0.01, 0.075, 0.035, 0.45),
            Bump(0.0, 0.1, 0.250, 0.120, -0.3),
        ]
        view += _gaussians(sheet, [_shared(part) for part in parts])
    pores = grain(sheet, "pores", seed)
    blotches = grain(sheet, "blotches", seed >> 9)
    flush += 0.35 * blotches
    lightness = 1 + (0.012 + 0.022 * appearance.age) * pores + (0.015 + 0.02 * appearance.age) * blotches
    red = flush * (0.4 + 1.2 * appearance.redness) * (1 - 0.5 * appearance.melanin)
    base = tone(appearance)
    planes = [base[0] * (1 - 0.01 * red), base[1] * (1 - 0.13 * red), base[2] * (1 - 0.12 * red)]
    return np.stack(planes) * lightness / (1 + socket)


def shade(
    height: np.ndarray, step: float, albedo: np.ndarray, light: np.ndarray, view: np.ndarray, hardness: float
) -> np.ndarray:
    """Shade a relief.

    Args:
        height: [H, W].
        step: distance of neighbouring points, in the height's unit.
        albedo: [3, H, W] reflectance.
        light: [3] unit vector towards the lamp in the head's frame (x right, y down, z to the viewer).
        view: [3] unit vector towards the camera in the head's frame.
        hardness: fraction of the light that comes from the lamp.

    Returns:
        [3, H, W] linear radiance.
    """
    dx, dy = np.zeros_like(height), np.zeros_like(height)
    dx[:, 1:-1] = (height[:, 2:] - height[:, :-2]) / (2 * step)
    dy[1:-1] = (height[2:] - height[:-2]) / (2 * step)
    norm = 1 / np.sqrt(1 + dx * dx + dy * dy)
    lambert = (light[2] - dx * light[0] - dy * light[1]) * norm
    near = cv2.GaussianBlur(height, (0, 0), 0.012 / step)
    far = cv2.blur(height, (2 * round(0.05 / step) + 1,) * 2)
    open_sky = 1 / (1 + 75 * np.maximum(near - height, 0) + 13 * np.maximum(far - height, 0))
    half_way = light + view
    half_way /= np.linalg.norm(half_way)
    gloss = np.clip((half_way[2] - dx * half_way[0] - dy * half_way[1]) * norm, 0, 1) ** 2
    gloss *= gloss
    gloss *= gloss
    gloss *= gloss
    # a dark skin shows its relief by its shine
    gloss *= (0.11 - 0.09 * float(albedo.mean())) * (0.35 + hardness) * open_sky
    # skin lets red light travel: its shadows are warm
    ambient = (1 - 0.70 * hardness) * (0.62 + 0.18 * (view[2] * norm - dy * norm * 0.5)) * open_sky
    lamp = 0.26 + 0.74 * hardness
    radiance = np.empty_like(albedo)
    for c, wrap in enumerate((0.34, 0.24, 0.18)):
        direct = np.maximum((lambert + wrap) / (1 + wrap), 0)
        radiance[c] = albedo[c] * (ambient + lamp * direct * (0.45 + 0.55 * open_sky)) + gloss
    return radiance

"""Tiny data sets in their official layouts, written by hand from the sets' documentation."""

from itertools import count
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np

_shade = count()

FERPLUS_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
AFFECTNET_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
)
ATTRIBUTE_NAMES = [f"Attribute_{i}" for i in range(40)]


def picture(extension: str = ".png", gray: bool = True) -> bytes:
    """A small picture unlike any other this returned."""
    shape = (8, 8) if gray else (8, 8, 3)
    pixels = np.random.default_rng(next(_shade)).integers(0, 256, shape, dtype=np.uint8)
    return cv2.imencode(extension, pixels)[1].tobytes()


def write(root: Path, files: dict[str, bytes | str], zipped: bool = False) -> Path:
    """Write files under a folder, or into a zip of that name; returns the folder or the zip."""
    contents = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
    if zipped:
        root = root.with_name(f"{root.name}.zip")
        root.parent.mkdir(parents=True, exist_ok=True)
        with ZipFile(root, "w") as archive:
            for path, data in contents.items():
                archive.writestr(path, data)
        return root
    for path, data in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def ferplus(rows: list[str], missing: tuple[str, ...] = ()) -> dict[str, bytes | str]:
    """FER+ files: the csv of these rows and a picture for each row that names one."""
    folders = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
    files: dict[str, bytes | str] = {"fer2013new.csv": "\n".join([FERPLUS_HEADER, *rows]) + "\n"}
    for row in rows:
        usage, name = row.split(",")[:2]
        if name and name not in missing and usage in folders:
            files[f"{folders[usage]}/{name}"] = picture()
    return files


def affectnet_row(name: str, code: object, valence: object, arousal: object, points: int = 68) -> str:
    """A csv row whose i-th landmark is (i, i + 0.5)."""
    landmarks = ";".join(f"{i};{i + 0.5}" for i in range(points))
    return f"{name},0,0,8,8,{landmarks},{code},{valence},{arousal}"


def affectnet(rows: list[str]) -> dict[str, bytes | str]:
    """AffectNet files: the csv of these rows and their pictures."""
    files: dict[str, bytes | str] = {"Manually_annotated.csv": "\n".join([AFFECTNET_HEADER, *rows]) + "\n"}
    return files | {f"Manually_Annotated_Images/{row.split(',')[0]}": picture(".jpg", gray=False) for row in rows}


def ckplus_frame(subject: int, sequence: int, frame: int, units: str | None = None, code: int | None = None):
    """CK+ files of one frame: its picture, and its label files where given."""
    folder, name = f"S{subject:03d}/{sequence:03d}", f"S{subject:03d}_{sequence:03d}_{frame:08d}"
    files: dict[str, bytes | str] = {f"cohn-kanade-images/{folder}/{name}.png": picture()}
    if units is not None:
        lines = [f"   {float(unit):.7e}   1.0000000e+00\n" for unit in units.split()]
        files[f"FACS/{folder}/{name}_facs.txt"] = "".join(lines)
    if code is not None:
        files[f"Emotion/{folder}/{name}_emotion.txt"] = f"   {float(code):.7e}\n"
    return files


def celeba(identities: dict[str, int], positive: dict[str, set[int]] | None = None) -> dict[str, bytes | str]:
    """CelebA files: identity by picture name, and which attributes (by index) each has."""
    lines = [str(len(identities)), " ".join(ATTRIBUTE_NAMES) + " "]
    for name in identities:
        has = (positive or {}).get(name, set())
        lines.append(name + "".join("  1" if i in has else " -1" for i in range(40)))
    files: dict[str, bytes | str] = {
        "list_attr_celeba.txt": "\n".join(lines) + "\n",
        "identity_CelebA.txt": "".join(f"{name} {identity}\n" for name, identity in identities.items()),
    }
    return files | {f"img_align_celeba/{name}": picture(".jpg", gray=False) for name in identities}

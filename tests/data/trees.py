"""Tiny data sets in their official layouts, written by hand from the sets' documentation."""

import io
import json
from itertools import count
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np

from fbn.tasks import ATTRIBUTES

_shade = count()

FERPLUS_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
AFFECTNET_HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
)
ATTRIBUTE_NAMES = list(ATTRIBUTES.labels)


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


def with_pictures(files: dict[str, bytes | str], *paths: str) -> dict[str, bytes | str]:
    """Files, and a colour picture at each of these paths."""
    return files | {path: picture(Path(path).suffix, gray=False) for path in paths}


def affwild2(path: str, text: str, frames: int) -> dict[str, bytes | str]:
    """Aff-Wild2: one label file, and pictures 1 to ``frames`` of its video."""
    return with_pictures(
        {path: text}, *(f"cropped_aligned/{Path(path).stem}/{i:05d}.jpg" for i in range(1, frames + 1))
    )


def saffwild2(train: list[str], valid: list[str]) -> dict[str, bytes | str]:
    """s-Aff-Wild2: rows under the five-column header, and the pictures they name."""
    header = "image,valence,arousal,expression,aus"
    files: dict[str, bytes | str] = {
        "training_set_annotations.txt": "\n".join([header, *train]) + "\n",
        "validation_set_annotations.txt": "\n".join([header, *valid]) + "\n",
    }
    return with_pictures(files, *(f"cropped_aligned/{row.split(',')[0]}" for row in train + valid))


def npy(value: object) -> bytes:
    """An array file."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(value))
    return buffer.getvalue()


def affectnet_npy(folder: str, number: int, code: object, valence: object, arousal: object) -> dict[str, bytes | str]:
    """AffectNet's npy release: a picture with its four arrays; numbers are stored as text, as released."""
    files: dict[str, bytes | str] = {
        f"{folder}/annotations/{number}_exp.npy": npy(str(code)),
        f"{folder}/annotations/{number}_val.npy": npy(str(valence)),
        f"{folder}/annotations/{number}_aro.npy": npy(str(arousal)),
        f"{folder}/annotations/{number}_lnd.npy": npy(np.arange(136) / 2),
    }
    return with_pictures(files, f"{folder}/images/{number}.jpg")


def rafdb(lines: list[str], prefix: str = "") -> dict[str, bytes | str]:
    """RAF-DB: the label list, and the aligned picture of each line."""
    files: dict[str, bytes | str] = {f"{prefix}EmoLabel/list_patition_label.txt": "\n".join(lines) + "\n"}
    return with_pictures(files, *(f"{prefix}Image/aligned/{line.split('.jpg')[0]}_aligned.jpg" for line in lines))


def emotionet_row(name: str, units: dict[int, object], rest: object = 999) -> str:
    """A row of the AU table: two URLs, then AU1 to AU60."""
    marks = [str(units.get(number, rest)) for number in range(1, 61)]
    return "\t".join([f"http://a.b/c/{name}", f"http://d.e/{name}", *marks])


def emotionet(rows: list[str] = [], classes: list[str] = []) -> dict[str, bytes | str]:  # noqa: B006
    """EmotioNet: the AU table, the classes, and the pictures they name."""
    files: dict[str, bytes | str] = {}
    if rows:
        files["emotionet_aus.txt"] = "\n".join(rows) + "\n"
    if classes:
        files["emotionet_classes.csv"] = "\n".join(["file,class", *classes]) + "\n"
    names = [row.split("\t")[0].split("/")[-1] for row in rows] + [row.split(",")[0] for row in classes]
    return with_pictures(files, *(f"images/{name}" for name in names))


DISFA_UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)


def disfa(subject: str, intensities: dict[int, list[int]]) -> dict[str, bytes | str]:
    """DISFA: twelve label files of one person (0 where not given), and the frames they speak of."""
    n = len(next(iter(intensities.values())))
    files: dict[str, bytes | str] = {}
    for unit in DISFA_UNITS:
        column = intensities.get(unit, [0] * n)
        lines = [f"{frame},{value}\n" for frame, value in enumerate(column, start=1)]
        files[f"ActionUnit_Labels/{subject}/{subject}_au{unit}.txt"] = "".join(lines)
    return with_pictures(files, *(f"Frames/{subject}/{frame:05d}.jpg" for frame in range(1, n + 1)))


def bp4d(name: str, rows: list[str]) -> dict[str, bytes | str]:
    """BP4D: one task's csv (first row AU numbers), and the frames of its other rows."""
    subject, task = name.split("_")
    frames = [int(row.split(",")[0]) for row in rows[1:]]
    files: dict[str, bytes | str] = {f"AUCoding/AU_OCC/{name}.csv": "\n".join(rows) + "\n"}
    return with_pictures(files, *(f"Frames/{subject}/{task}/{frame:05d}.jpg" for frame in frames))


def afew_va(folder: str, frames: dict[str, tuple[object, object]]) -> dict[str, bytes | str]:
    """AFEW-VA: one clip's json and its frames; the i-th landmark is (i, i + 0.5)."""
    points = [[i, i + 0.5] for i in range(68)]
    labels = {name: {"landmarks": points, "valence": v, "arousal": a} for name, (v, a) in frames.items()}
    text = json.dumps({"video_id": folder.split("/")[1], "frames": labels})
    files: dict[str, bytes | str] = {f"{folder}/{folder.split('/')[1]}.json": text}
    return with_pictures(files, *(f"{folder}/{name}.png" for name in frames))


def affectnet_masked(rows: list[str]) -> dict[str, bytes | str]:
    """AffectNet's masked part: the csv of these rows and their pictures."""
    files: dict[str, bytes | str] = {"Manually_annotated.csv": "\n".join([AFFECTNET_HEADER, *rows]) + "\n"}
    return with_pictures(files, *(f"Manually_Annotated_Images/{row.split(',')[0]}" for row in rows))


def expw(lines: list[str]) -> dict[str, bytes | str]:
    """ExpW: the list, and the pictures it names."""
    files: dict[str, bytes | str] = {"label/label.lst": "\n".join(lines) + "\n"}
    return with_pictures(files, *(f"image/{name}" for name in dict.fromkeys(line.split()[0] for line in lines)))


def diffusionfer(rows: list[str]) -> dict[str, bytes | str]:
    """DiffusionFER: the sheet of these rows and their pictures."""
    header = "subDirectory_filePath,valence,arousal,expression"
    files: dict[str, bytes | str] = {"dataset_sheet.csv": "\n".join([header, *rows]) + "\n"}
    return with_pictures(files, *(row.split(",")[0] for row in rows))

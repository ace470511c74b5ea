"""Writer of DISFA: intensities of twelve AUs on every frame of a person's video."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from fbn.synthetic.layouts.folder import save_lines, save_picture
from fbn.synthetic.layouts.items import Item
from fbn.vocabulary import ACTION_UNITS_BY_DATASET


def write_disfa(items: Iterable[Item], root: Path) -> None:
    """Write ``ActionUnit_Labels/`` and ``Frames/``; a person's clips follow one another in one video.

    Raises:
        ValueError: an AU that is not annotated, for which DISFA has no mark.
    """
    frames: Counter[str] = Counter()
    lines: dict[str, list[str]] = defaultdict(list)
    for item in items:
        subject = f"SN{item.person + 1:03d}"
        frames[subject] += 1
        save_picture(root / "Frames" / subject / f"{frames[subject]:05d}.jpg", item.picture.image)
        for unit in ACTION_UNITS_BY_DATASET["disfa"]:
            if (intensity := item.intensity(unit)) is None:
                raise ValueError(f"DISFA has no mark for a missing AU{unit}")
            lines[f"{subject}/{subject}_au{unit}.txt"].append(f"{frames[subject]},{intensity}")
    for path, rows in lines.items():
        save_lines(root / "ActionUnit_Labels" / path, *rows)

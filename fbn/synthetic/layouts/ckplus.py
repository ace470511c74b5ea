"""Writer of CK+: sequences from neutral to a peak, of which the peak alone is coded."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from fbn.synthetic.layouts.folder import grey, save_lines, save_picture
from fbn.synthetic.layouts.items import Item
from fbn.vocabulary import AU_NUMBERS

_CODES = {"neutral": 0, "anger": 1, "disgust": 3, "fear": 4, "happiness": 5, "sadness": 6, "surprise": 7}


def write_ckplus(items: Iterable[Item], root: Path) -> None:
    """Write ``cohn-kanade-images/``, ``FACS/`` and ``Emotion/``.

    A label that is not annotated has no file. FACS files list what was seen, so AUs are annotated all or none.

    Raises:
        ValueError: AUs of which only some are annotated.
    """
    sequences: dict[str, list[int]] = defaultdict(list)
    for item in items:
        subject = f"S{item.person + 1:03d}"
        if item.clip not in sequences[subject]:
            sequences[subject].append(item.clip)
        folder = f"{subject}/{sequences[subject].index(item.clip) + 1:03d}"
        name = f"{folder.replace('/', '_')}_{item.frame + 1:08d}"
        save_picture(root / "cohn-kanade-images" / folder / f"{name}.png", grey(item.picture.image))
        if not item.peak:
            continue
        seen = {number: item.intensity(number) for number in AU_NUMBERS}
        known = {number: intensity for number, intensity in seen.items() if intensity is not None}
        if known and len(known) < len(seen):
            raise ValueError(f"{name}: CK+ has no mark for missing AUs {sorted(set(seen) - set(known))}")
        if known:
            lines = (f"   {n:.7e}   {i:.7e}" for n, i in known.items() if item.active(n))
            save_lines(root / "FACS" / folder / f"{name}_facs.txt", *lines)
        if item.expression is not None:
            save_lines(root / "Emotion" / folder / f"{name}_emotion.txt", f"   {_CODES[item.expression]:.7e}")

"""Writer of AFEW-VA: valence and arousal in 21 steps, and 68 landmarks, on the frames of clips."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fbn.synthetic.layouts.folder import save_lines, save_picture
from fbn.synthetic.layouts.items import Item

_STEPS = 10
#: Twelve folders of fifty clips; the last takes what is left.
_FOLDERS, _CLIPS = 12, 50


def write_afew_va(items: Iterable[Item], root: Path) -> None:
    """Write a folder a clip with its json and its frames, counted from 0.

    Raises:
        ValueError: a face without valence and arousal, for which AFEW-VA has no mark.
    """
    clips: dict[str, dict[str, Any]] = defaultdict(dict)
    for item in items:
        if item.valence_arousal is None:
            raise ValueError("AFEW-VA has no mark for missing valence and arousal")
        folder = f"{min(item.clip // _CLIPS, _FOLDERS - 1) + 1:02d}/{item.clip + 1:03d}"
        name = f"{item.frame:05d}"
        save_picture(root / folder / f"{name}.png", item.picture.image)
        valence, arousal = (round(_STEPS * value) for value in item.valence_arousal)
        landmarks = item.points.astype(float).round(2).tolist()
        clips[folder][name] = {"landmarks": landmarks, "valence": valence, "arousal": arousal}
    for folder, frames in clips.items():
        name = folder.split("/")[1]
        save_lines(root / folder / f"{name}.json", json.dumps({"video_id": name, "frames": frames}))

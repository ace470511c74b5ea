"""Writer of CelebA: forty attributes and an identity for each aligned still."""

from collections.abc import Iterable
from pathlib import Path

from fbn.synthetic.layouts.folder import save_lines, save_picture
from fbn.synthetic.layouts.items import Item

_PARTS = {"train": 0, "valid": 1, "test": 2}
#: Aligned pictures are 178 wide and 218 high: drawn square, their sides are cut.
_WIDTH, _HEIGHT = 178, 218


def write_celeba(items: Iterable[Item], root: Path) -> None:
    """Write ``img_align_celeba/`` and the lists of attributes, identities and parts; no identity crosses parts.

    Raises:
        ValueError: a picture that is not 218 pixels wide and high.
    """
    names: tuple[str, ...] = ()
    attributes, identities, partition = [], [], []
    for number, item in enumerate(items, start=1):
        if item.picture.image.shape[:2] != (_HEIGHT, _HEIGHT):
            raise ValueError(f"picture {item.picture.image.shape[:2]}: expected {_HEIGHT} by {_HEIGHT} pixels")
        name = f"{number:06d}.jpg"
        left = (_HEIGHT - _WIDTH) // 2
        save_picture(root / "img_align_celeba" / name, item.picture.image[:, left : left + _WIDTH])
        names = tuple(attribute for attribute, _ in item.truth.attributes)
        values = ("1" if present else "-1" for _, present in item.truth.attributes)
        attributes.append(f"{name} " + " ".join(f"{value:>2}" for value in values))
        identities.append(f"{name} {item.person + 1}")
        partition.append(f"{name} {_PARTS[item.part]}")
    save_lines(root / "list_attr_celeba.txt", str(len(attributes)), " ".join(names), *attributes)
    save_lines(root / "identity_CelebA.txt", *identities)
    save_lines(root / "list_eval_partition.txt", *partition)

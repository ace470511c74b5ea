"""Draw a picture set of compound expressions, to try the app without data."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from fbn.data.picture_sets import PictureSet, PictureSets
from fbn.faces.pictures import png_bytes
from fbn.relatedness import RelatednessTable
from fbn.resources import make_folder
from fbn.synthetic.layouts import Item, world_of, write_set
from fbn.synthetic.layouts.items import draw_stills
from fbn.vocabulary import COMPOUND_RAFDB

_LAYOUT = "rafdb-compound"
#: Folder of the data within the set's folder.
_DATA = "data"
#: Side of an unlabelled picture in pixels.
_SIDE = 160
#: With this seed, even 110 faces have every class in the training and in the test split.
_SEED = 10


def draw_picture_set(
    sets: PictureSets, count: int, labelled: bool, report: Callable[[float], None], seed: int = _SEED
) -> PictureSet:
    """Draw faces as a new picture set; nothing is created on failure or cancellation.

    Args:
        sets: the user's picture sets.
        count: number of faces.
        labelled: True: RAF-DB's compound layout with its official splits; False: pictures to label by hand.
        report: called with the progress in [0, 1]; may raise to stop.
        seed: seed of the faces.

    Raises:
        FbnError: the set cannot be written.
    """
    world = world_of(_LAYOUT, RelatednessTable.named("du2014"), seed)
    name = sets.free_name("drawn-faces" if labelled else "faces-to-label")

    def reporting(items: Iterator[Item]) -> Iterator[Item]:
        for number, item in enumerate(items):
            report(number / count)
            yield item

    if labelled:
        folder = make_folder(sets.folder) / name
        folder.mkdir()
        try:
            write_set(_LAYOUT, folder / _DATA, world, count, reporting)
        except BaseException:
            with suppress(OSError):
                folder.rmdir()
            raise
        # last, so that an incomplete set is never visible
        return sets.create(name, COMPOUND_RAFDB, _DATA)
    files = [png_bytes(item.picture.image) for item in reporting(draw_stills(world, count, _SIDE))]
    chosen = sets.create(name, COMPOUND_RAFDB)
    chosen.add((f"face-{number:03d}.png", partial(bytes, file)) for number, file in enumerate(files, start=1))
    return chosen

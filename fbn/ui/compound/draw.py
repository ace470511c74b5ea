"""A built-in example for a machine without data: faces drawn with compound expressions; no Streamlit."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from fbn.faces.pictures import png_bytes
from fbn.relatedness import RelatednessTable
from fbn.resources import make_folder
from fbn.synthetic.layouts import Item, world_of, write_set
from fbn.synthetic.layouts.items import draw_stills
from fbn.ui.compound.sets import PictureSet, Sets
from fbn.ui.compound.work import Report
from fbn.vocabulary import COMPOUND_RAFDB

_LAYOUT = "rafdb-compound"
#: Inside the set's folder.
_DATA = "data"
_SIDE = 160
#: With it even 110 faces have every class in both parts.
_SEED = 10


def draw(sets: Sets, count: int, labelled: bool, report: Report, seed: int = _SEED) -> PictureSet:
    """Draw a set of faces: all of them, or none where it is stopped.

    Args:
        sets: where it goes.
        count: faces.
        labelled: as RAF-DB's compound set with its official parts; False: without labels, for labelling them by hand.
        report: told of the share done; raises where the work is to stop.
        seed: another seed, other faces.

    Raises:
        FbnError: the set cannot be written.
    """
    world = world_of(_LAYOUT, RelatednessTable.named("du2014"), seed)
    name = sets.free_name("drawn-faces" if labelled else "faces-to-label")

    def watched(items: Iterator[Item]) -> Iterator[Item]:
        for number, item in enumerate(items):
            report(number / count)
            yield item

    if labelled:
        folder = make_folder(sets.folder) / name
        folder.mkdir()
        try:
            write_set(_LAYOUT, folder / _DATA, world, count, watched)
        except BaseException:
            with suppress(OSError):
                folder.rmdir()
            raise
        # last, so that nobody sees half a set
        return sets.create(name, COMPOUND_RAFDB, _DATA)
    drawn = [png_bytes(item.picture.image) for item in watched(draw_stills(world, count, _SIDE))]
    chosen = sets.create(name, COMPOUND_RAFDB)
    chosen.add((f"face-{number:03d}.png", partial(bytes, picture)) for number, picture in enumerate(drawn, start=1))
    return chosen

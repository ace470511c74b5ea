"""A built-in example for a machine without data: faces drawn with compound expressions, on a thread; no Streamlit."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from fbn.errors import FbnError
from fbn.relatedness import RelatednessTable
from fbn.synthetic.layouts import Item, world_of, write_set
from fbn.synthetic.layouts.items import draw_stills
from fbn.ui.compound_sets import Sets
from fbn.ui.tables import png_bytes
from fbn.vocabulary import COMPOUND_RAFDB

_LAYOUT = "rafdb-compound"
#: Inside the set's folder.
DATA = "data"
_SIDE = 160


@dataclass(frozen=True)
class Progress:
    """A look at a drawing: whether it goes on, faces drawn and asked for, the set when done, what went wrong."""

    running: bool
    done: int
    count: int
    name: str = ""
    problem: str = ""


class Stopped(Exception):
    """Somebody asked."""


class Drawing:
    """Draws a set of faces on a thread of its own; the page looks at ``progress``.

    Args:
        sets: where it goes.
        count: faces.
        labelled: as RAF-DB's compound set with its official parts; False: without labels, for labelling them by hand.
        seed: another seed, other faces.
    """

    def __init__(self, sets: Sets, count: int, labelled: bool = True, seed: int = 0) -> None:
        self._sets, self._labelled, self._seed = sets, labelled, seed
        self._now, self._stop = Progress(True, 0, count), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="fbn-drawing")
        self._thread.start()

    def progress(self) -> Progress:
        """How far it is."""
        return replace(self._now, running=self._now.running and self._thread.is_alive())

    def cancel(self) -> None:
        """Stop at the next face; nothing stays of it."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """True once it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            name = self._draw()
            self._now = replace(self._now, running=False, name=name)
        except Stopped:
            self._now = replace(self._now, running=False)
        except (FbnError, OSError) as error:
            self._now = replace(self._now, running=False, problem=str(error))
        except Exception as error:  # a thread's exception would vanish without a word
            self._now = replace(self._now, running=False, problem=f"{type(error).__name__}: {error}")

    def _draw(self) -> str:
        world = world_of(_LAYOUT, RelatednessTable.named("du2014"), self._seed)
        name = self._sets.free_name("drawn-faces" if self._labelled else "faces-to-label")
        folder, count = self._sets.folder / name, self._now.count
        if self._labelled:
            folder.mkdir()
            try:
                write_set(_LAYOUT, folder / DATA, world, count, self._watched)
            except BaseException:
                folder.rmdir()
                raise
            # last, so that nobody sees half a set
            return self._sets.create(name, COMPOUND_RAFDB, DATA).name
        drawn = [png_bytes(item.picture.image) for item in self._watched(draw_stills(world, count, _SIDE))]
        chosen = self._sets.create(name, COMPOUND_RAFDB)
        chosen.add((f"face-{number:03d}.png", partial(bytes, picture)) for number, picture in enumerate(drawn, start=1))
        return chosen.name

    def _watched(self, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            if self._stop.is_set():
                raise Stopped
            yield item
            self._now = replace(self._now, done=self._now.done + 1)

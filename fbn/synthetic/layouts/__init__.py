"""Synthetic data sets in the official layouts, readable by the readers of the real data sets.

Writers follow the documentation of the data sets and share no constants with the readers, so that a mistake in one is
not hidden by the other.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fbn import __version__
from fbn.errors import FormatError, MissingFileError
from fbn.records import Annotations
from fbn.relatedness import RelatednessTable
from fbn.synthetic.annotators import Noise
from fbn.synthetic.domains import DOMAINS
from fbn.synthetic.layouts.afew_va import write_afew_va
from fbn.synthetic.layouts.affectnet import write_affectnet, write_affectnet_npy
from fbn.synthetic.layouts.affwild2 import write_affwild2, write_saffwild2
from fbn.synthetic.layouts.bp4d import write_bp4d
from fbn.synthetic.layouts.celeba import write_celeba
from fbn.synthetic.layouts.ckplus import write_ckplus
from fbn.synthetic.layouts.disfa import write_disfa
from fbn.synthetic.layouts.emotionet import write_emotionet
from fbn.synthetic.layouts.ferplus import write_ferplus
from fbn.synthetic.layouts.folder import save_lines, whole
from fbn.synthetic.layouts.items import Item, draw_clips, draw_sequences, draw_stills
from fbn.synthetic.layouts.rafdb import write_rafdb, write_rafdb_compound
from fbn.synthetic.layouts.stills import write_affectnet_masked, write_diffusionfer, write_expw
from fbn.synthetic.world import World, WorldSettings
from fbn.vocabulary import EXPRESSION_INDEX

__all__ = ["LAYOUTS", "TABLE_FILE", "WORLD_FILE", "Item", "Layout", "read_world", "world_of", "write_set"]

#: Files beside the data: the world, with its table and the number of pictures; and the table alone.
WORLD_FILE, TABLE_FILE = "world.json", "table.json"


_UNERRING = Noise()


@dataclass(frozen=True)
class Layout:
    """How a data set is drawn and written.

    Attributes:
        write: items, folder -> files of the data set.
        draw: world, number of pictures, their side -> items.
        size: side of the pictures in pixels.
        noise: label noise of its annotators.
    """

    write: Callable[[Iterable[Item], Path], None]
    draw: Callable[[World, int, int], Iterator[Item]] = draw_stills
    size: int = 112
    noise: Noise = _UNERRING


def _draw_votes(world: World, count: int, size: int) -> Iterator[Item]:
    """Draw still pictures whose expression label is the votes of ten taggers."""
    for index, item in enumerate(draw_stills(world, count, size)):
        votes = world.votes(index)
        on_seven = {name: float(n) for name, n in votes.items() if n and name in EXPRESSION_INDEX}
        labels = Annotations.of(on_seven or None)
        labels.expression_weight.fill_(sum(on_seven.values()) / sum(votes.values()))
        yield replace(item, truth=replace(item.truth, annotations=labels))


LAYOUTS: dict[str, Layout] = {
    "affwild2": Layout(write_affwild2, draw_clips),
    "saffwild2": Layout(write_saffwild2, draw_clips),
    "affectnet": Layout(write_affectnet, size=224),
    "affectnet-npy": Layout(write_affectnet_npy, size=224),
    "rafdb": Layout(write_rafdb, size=100),
    "rafdb-compound": Layout(write_rafdb_compound, size=100),
    "emotionet": Layout(write_emotionet, size=128),
    "disfa": Layout(write_disfa, draw_clips, size=160),
    "bp4d": Layout(write_bp4d, draw_clips, size=160),
    "afew-va": Layout(write_afew_va, draw_clips, size=160),
    "celeba": Layout(write_celeba, size=218),
    # taggers who never err would leave no votes to learn from
    "ferplus": Layout(write_ferplus, _draw_votes, size=48, noise=Noise(disagree=0.15, doubt=0.03)),
    "ckplus": Layout(write_ckplus, draw_sequences, size=160),
    "affectnet-train-masked": Layout(write_affectnet_masked, size=160),
    "expw": Layout(write_expw, size=160, noise=Noise(disagree=0.2)),
    "diffusionfer": Layout(write_diffusionfer, size=144),
}


def world_of(name: str, table: RelatednessTable, seed: int = 0) -> World:
    """Return the world of a data set, with its domain and label noise.

    Raises:
        FormatError: the layout is unknown, the seed is negative, or the table lacks a row for one of the classes.
    """
    if name not in LAYOUTS:
        raise FormatError(f"{name}: expected one of {', '.join(LAYOUTS)}")
    return World(table, seed, DOMAINS[name], WorldSettings(noise=LAYOUTS[name].noise))


def write_set(
    name: str,
    out: Path,
    world: World,
    count: int,
    watch: Callable[[Iterator[Item]], Iterable[Item]] = iter,
) -> None:
    """Draw a data set and write it atomically in its official layout, with ``world.json`` and ``table.json``.

    Args:
        name: key of ``LAYOUTS``.
        out: folder that is empty or does not exist.
        world: from ``world_of``, or another.
        count: number of pictures.
        watch: wraps the iterator of items, for a progress bar.

    Raises:
        FormatError: ``out`` is not empty.
    """
    layout = LAYOUTS[name]
    with whole(out) as folder:
        layout.write(watch(layout.draw(world, count, layout.size)), folder)
        about = {"fbn": __version__, "layout": name, "count": count, "world": json.loads(world.to_json())}
        save_lines(folder / WORLD_FILE, json.dumps(about, indent=1, ensure_ascii=False))
        world.table.write(folder / TABLE_FILE)


def read_world(root: Path) -> World:
    """Read the world, with its table, of a data set written by ``write_set``.

    Raises:
        MissingFileError: ``world.json`` does not exist.
        FormatError: it is invalid; the message names file and field.
    """
    path = root / WORLD_FILE
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file")
    try:
        about = json.loads(path.read_bytes())
    except ValueError as error:
        raise FormatError(f"{path}: expected JSON ({error})") from None
    if not isinstance(about, dict) or "world" not in about:
        raise FormatError(f"{path}: expected an object with fbn, layout, count and world")
    try:
        return World.from_json(json.dumps(about["world"]))
    except FormatError as error:
        raise FormatError(f"{path}: world: {error}") from None

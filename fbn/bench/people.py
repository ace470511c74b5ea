"""Time of what the Relatedness page does with a table of thousands of people and attributes."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import torch

from fbn.relatedness import RelatednessTable, Versions
from fbn.relatedness.draft import Draft
from fbn.relatedness.people import DISTINCT, count_people, find, information, weights
from fbn.tasks import ATTRIBUTES

_Result = TypeVar("_Result")


def people(count: int = 10_177, pictures: int = 202_599, seed: int = 0) -> dict[str, Any]:
    """Count a table from random labels of the size of CelebA, then edit, save, read and search it.

    Args:
        count: number of people.
        pictures: number of pictures; each person has at least one.
        seed: of the labels.

    Returns:
        people, attributes, pictures, and seconds of: count, edit (one weight, and its list of changes), save, load,
        write_csv, read_csv, search (by name, sorted by distinctness), information.
    """
    random = np.random.default_rng(seed)
    who = np.concatenate([np.arange(count), random.integers(0, count, max(0, pictures - count))])
    value = torch.from_numpy(random.random((len(who), len(ATTRIBUTES)), dtype=np.float32))
    result: dict[str, Any] = {"people": count, "attributes": len(ATTRIBUTES), "pictures": len(who)}

    def timed(name: str, work: Callable[[], _Result]) -> _Result:
        start = time.perf_counter()
        done = work()
        result[name] = round(time.perf_counter() - start, 3)
        return done

    names = [str(number + 1) for number in who]
    table = timed("count", lambda: count_people(names, value, torch.ones_like(value), ATTRIBUTES))
    draft = Draft.of("people", table, "inferred")
    first, attribute = table.categories[0], ATTRIBUTES.labels[0]
    timed("edit", lambda: draft.with_weight(first, attribute, 0.5).changes)
    with TemporaryDirectory(prefix="fbn-") as folder:
        versions, path = Versions(Path(folder)), Path(folder, "people.csv")
        timed("save", lambda: versions.save("people", table, 0))
        timed("load", lambda: versions.load("people"))
        timed("write_csv", lambda: table.write(path))
        timed("read_csv", lambda: RelatednessTable.read(path))
    frame = weights(table)
    timed("search", lambda: find(frame, "7", DISTINCT))
    timed("information", lambda: information(frame).mean())
    return result

"""Data of a study on open data sets: FER+ expressions, AffectNet's valence and arousal, CK+'s AUs.

AffectNet's and CK+'s expressions are not trained on, so that they measure generalisation to other data sets. The table
is inferred from CK+'s training split, which has both kinds of labels.
"""

from pathlib import Path

import numpy as np
import torch

from fbn.data.corpus import Corpus, load_corpus
from fbn.data.loading import Pool, Stream
from fbn.data.sources import affectnet, ckplus, ferplus
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.studies.affect_budgets import AffectBudget
from fbn.studies.material import HeldOutSet, StudyData
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL
from fbn.training.figures import scored_rows
from fbn.training.pools import make_pool
from fbn.training.recipe import Recipe

SETS = (ferplus.NAME, affectnet.NAME, ckplus.NAME)
_TASKS = dict(zip(SETS, (EXPRESSION, VALENCE_AROUSAL, ACTION_UNITS), strict=True))
#: Held-out data sets: name, source, metrics, whether labels of this kind are trained on.
_HELD_OUT = (
    (ferplus.NAME, ferplus.NAME, ("accuracy", "mean_diagonal"), True),
    (affectnet.NAME, affectnet.NAME, ("ccc_valence", "ccc_arousal"), True),
    (ckplus.NAME, ckplus.NAME, ("f1", "auc"), True),
    ("affectnet-expressions", affectnet.NAME, ("accuracy", "expression_f1"), False),
    ("ckplus-expressions", ckplus.NAME, ("mean_diagonal",), False),
)


def read(data: Path, recipe: Recipe, budget: AffectBudget, part: str) -> StudyData:
    """Read the data sets; their official or fixed random splits are the same for every seed.

    Args:
        data: folder of the data sets.
        recipe: its label weights exclude labels from training.
        budget: ``action_units``: maximum number of training pictures with AUs, reached by leaving out people of CK+ in
            a fixed random order; ``of_each``: maximum number of pictures of each other data set.
        part: the split to measure on.

    Raises:
        FbnError: a data set does not exist or cannot be read.
    """
    corpus = load_corpus(data, SETS)
    parts = {name: subsample(corpus.samples[name], budget.of_each) for name in ("train", part)}
    parts["train"] = limit_units(parts["train"], budget.action_units)
    pool, _ = make_pool(Corpus(corpus.names, parts), "train", recipe)
    out, samples = make_pool(Corpus(corpus.names, parts), part, recipe)
    counts = dict(zip((EXPRESSION, ACTION_UNITS, VALENCE_AROUSAL), budget.per_step, strict=True))
    streams = tuple(
        (task, Stream(np.intersect1d(pool.of_set(name), pool.of_task(task)), counts[task]))
        for name, task in _TASKS.items()
    )
    both = [s.annotations for s in parts["train"] if s.dataset == ckplus.NAME]
    held_out = tuple(
        _held_out(name, out, samples, source, figures, trained_on) for name, source, figures, trained_on in _HELD_OUT
    )
    return StudyData(pool, streams, held_out, Annotations.stack(both))


def limit_units(samples: tuple[Sample, ...], units: int | None) -> tuple[Sample, ...]:
    """Leave out people of CK+ until at most ``units`` of its pictures remain; None: keep all.

    Raises:
        FormatError: the first person has more pictures.
    """
    if units is None:
        return samples
    counts: dict[str, int] = {}
    for sample in samples:
        if sample.dataset == ckplus.NAME:
            counts[sample.subject] = counts.get(sample.subject, 0) + 1
    order = [sorted(counts)[i] for i in np.random.default_rng(0).permutation(len(counts))]
    totals = np.cumsum([counts[name] for name in order])
    people = {name for name, total in zip(order, totals, strict=True) if total <= units}
    if not people:
        raise FormatError(f"{units} pictures with AUs: CK+'s first person alone has {counts[order[0]]}")
    return tuple(s for s in samples if s.dataset != ckplus.NAME or s.subject in people)


def subsample(samples: tuple[Sample, ...], max_per_set: int | None) -> tuple[Sample, ...]:
    """Draw at most ``max_per_set`` samples of each data set except CK+, in their order; None: keep all."""
    if max_per_set is None:
        return samples
    chosen: set[int] = set()
    for name in {sample.dataset for sample in samples}:
        of_set = np.array([i for i, sample in enumerate(samples) if sample.dataset == name])
        if name != ckplus.NAME and len(of_set) > max_per_set:
            of_set = np.random.default_rng(0).choice(of_set, max_per_set, replace=False)
        chosen |= set(of_set.tolist())
    return tuple(samples[i] for i in sorted(chosen))


def _held_out(
    name: str, out: Pool, samples: list[Sample], source: str, figures: tuple[str, ...], trained_on: bool
) -> HeldOutSet:
    rows = np.array([row for row in scored_rows(samples) if samples[row].dataset == source])
    numbers = out.of_set(source)
    crops = out.crops[out.names.index(source)]
    pool = Pool.of({name: (crops[rows - numbers[0]], out.annotations[torch.from_numpy(rows)])})
    people = [samples[row].subject or samples[row].path for row in rows]
    _, groups = np.unique(people, return_inverse=True)
    return HeldOutSet(name, pool, figures, groups, trained_on)

"""The open sets: FER+ expressions, AffectNet's valence and arousal, CK+'s AUs.

AffectNet's and CK+'s expressions are withheld from training, so that they measure how expressions of never-trained sets
are read. The table is inferred from CK+'s training people, who have both kinds of labels.
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
#: Set, its metrics, whether it is trained on these labels.
_HELD = (
    (ferplus.NAME, ferplus.NAME, ("accuracy", "mean_diagonal"), True),
    (affectnet.NAME, affectnet.NAME, ("ccc_valence", "ccc_arousal"), True),
    (ckplus.NAME, ckplus.NAME, ("f1", "auc"), True),
    ("affectnet-expressions", affectnet.NAME, ("accuracy", "expression_f1"), False),
    ("ckplus-expressions", ckplus.NAME, ("mean_diagonal",), False),
)


def read(data: Path, recipe: Recipe, budget: AffectBudget, part: str) -> StudyData:
    """The sets and their official or drawn parts, which no seed changes.

    Args:
        data: folder of the data sets.
        recipe: whose label weights withhold what is not to be trained on.
        budget: ``action_units``: CK+'s people are left out, in drawn order, until so many AU pictures are left;
            ``of_each``: at most so many pictures of each other set, the same for every seed.
        part: of the sets that is measured on.

    Raises:
        FbnError: a set is not there or cannot be read.
    """
    corpus = load_corpus(data, SETS)
    parts = {name: thinned(corpus.samples[name], budget.of_each) for name in ("train", part)}
    parts["train"] = fewer(parts["train"], budget.action_units)
    pool, _ = make_pool(Corpus(corpus.names, parts), "train", recipe)
    out, samples = make_pool(Corpus(corpus.names, parts), part, recipe)
    counts = dict(zip((EXPRESSION, ACTION_UNITS, VALENCE_AROUSAL), budget.per_step, strict=True))
    streams = tuple(
        (task, Stream(np.intersect1d(pool.of_set(name), pool.of_task(task)), counts[task]))
        for name, task in _TASKS.items()
    )
    both = [s.annotations for s in parts["train"] if s.dataset == ckplus.NAME]
    held = tuple(_held(name, out, samples, source, figures, trained_on) for name, source, figures, trained_on in _HELD)
    return StudyData(pool, streams, held, Annotations.stack(both))


def fewer(samples: tuple[Sample, ...], units: int | None) -> tuple[Sample, ...]:
    """The samples without some of CK+'s people: those kept have ``units`` pictures at most, all of them for None.

    Raises:
        FormatError: no person has so few.
    """
    if units is None:
        return samples
    own: dict[str, int] = {}
    for sample in samples:
        if sample.dataset == ckplus.NAME:
            own[sample.subject] = own.get(sample.subject, 0) + 1
    order = [sorted(own)[i] for i in np.random.default_rng(0).permutation(len(own))]
    kept = {name for name, total in zip(order, np.cumsum([own[n] for n in order]), strict=True) if total <= units}
    if not kept:
        raise FormatError(f"{units} pictures with AUs: CK+'s first person alone has {own[order[0]]}")
    return tuple(s for s in samples if s.dataset != ckplus.NAME or s.subject in kept)


def thinned(samples: tuple[Sample, ...], most: int | None) -> tuple[Sample, ...]:
    """The samples, ``most`` of each set as drawn once, in their order; all for None, and of CK+ all in any case."""
    if most is None:
        return samples
    left: set[int] = set()
    for name in {sample.dataset for sample in samples}:
        own = np.array([i for i, sample in enumerate(samples) if sample.dataset == name])
        whole = name == ckplus.NAME or len(own) <= most
        left |= set((own if whole else np.random.default_rng(0).choice(own, most, replace=False)).tolist())
    return tuple(samples[i] for i in sorted(left))


def _held(
    name: str, out: Pool, samples: list[Sample], source: str, figures: tuple[str, ...], trained_on: bool
) -> HeldOutSet:
    rows = np.array([row for row in scored_rows(samples) if samples[row].dataset == source])
    numbers = out.of_set(source)
    crops = out.crops[out.names.index(source)]
    pool = Pool.of({name: (crops[rows - numbers[0]], out.annotations[torch.from_numpy(rows)])})
    people = [samples[row].subject or samples[row].path for row in rows]
    _, groups = np.unique(people, return_inverse=True)
    return HeldOutSet(name, pool, figures, groups, trained_on)

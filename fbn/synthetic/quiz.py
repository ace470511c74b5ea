"""A quiz on action units: questions drawn from a seed, so that a quiz can be repeated, and their scoring."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

import numpy as np

from fbn.synthetic.activity import ANTAGONISTS
from fbn.synthetic.editing import looks
from fbn.synthetic.parameters import Face, Hair, Scene
from fbn.vocabulary import AU_NUMBERS, REGIONS

LENGTH = 10
_PEOPLE = 10_000
#: Pairs of AUs that never appear together, since neither could be recognised.
_EXCLUSIVE = (*ANTAGONISTS, (12, 15), (23, 24), (9, 10), (23, 25), (14, 20))
_REGION = {number: region for region, numbers in REGIONS.items() for number in numbers}


class Level(StrEnum):
    """Difficulty of a quiz."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


@dataclass(frozen=True)
class Rules:
    """The questions of a level.

    Attributes:
        max_units: maximum number of active AUs; the minimum is 1.
        options: number of AUs to choose from.
        weakest, strongest: range of intensities.
        turn: maximum yaw of the head, in degrees.
        at_rest: whether the same face without AUs is shown beside the question.
    """

    max_units: int
    options: int
    weakest: float
    strongest: float
    turn: float
    at_rest: bool


RULES = {
    Level.EASY: Rules(1, 4, 0.95, 1.0, 0.0, True),
    Level.MEDIUM: Rules(2, 6, 0.75, 0.9, 8.0, True),
    Level.HARD: Rules(3, 8, 0.55, 0.7, 18.0, False),
}


@dataclass(frozen=True)
class Question:
    """A face, the FACS numbers of its active AUs, and those to choose from; both in ascending order."""

    face: Face
    answer: tuple[int, ...]
    options: tuple[int, ...]

    @property
    def rest(self) -> Face:
        """The same face without any AU."""
        return self.face.with_units({})

    def points(self, picked: Iterable[int]) -> float:
        """Score in [0, 1]: 1 for all active AUs and no others; a wrong pick cancels a right one."""
        chosen = set(picked)
        hits = len(chosen & set(self.answer))
        return max(0, 2 * hits - len(chosen)) / len(self.answer)


def question(seed: int, number: int, level: Level) -> Question:
    """Question ``number`` of the quiz ``seed``; always the same. Any 17 in a row have different first AUs."""
    rules, rank = RULES[level], list(Level).index(level)
    order = np.random.default_rng((seed, rank)).permutation(AU_NUMBERS).tolist()
    generator = np.random.default_rng((seed, rank, number))
    count = int(generator.integers(1, rules.max_units + 1))
    answer = [order[number % len(order)]]
    for other in generator.permutation(AU_NUMBERS).tolist():
        if len(answer) < count and other not in answer and not any(_are_exclusive(other, unit) for unit in answer):
            answer.append(other)
    others = [n for n in generator.permutation(AU_NUMBERS).tolist() if n not in answer]
    if level is Level.EASY:  # far apart: no two options move the same part of the face
        others = list({_REGION[n]: n for n in others if _REGION[n] != _REGION[answer[0]]}.values())
    strength = generator.uniform(rules.weakest, rules.strongest, len(AU_NUMBERS)).round(2).tolist()
    return Question(
        _face(generator, rules).with_units(dict(zip(answer, strength, strict=False))),
        tuple(sorted(answer)),
        tuple(sorted([*answer, *others[: rules.options - len(answer)]])),
    )


def _face(generator: np.random.Generator, rules: Rules) -> Face:
    identity, appearance = looks(int(generator.integers(_PEOPLE)))
    # nothing may cover the face
    shown: dict[str, float | Hair] = {"glasses": 0.0}
    shown |= {"beard": min(appearance.beard, 0.2), "moustache": min(appearance.moustache, 0.2)}
    if appearance.hair is Hair.BANGS:
        shown["hair"] = Hair.SHORT
    turn = round(float(generator.uniform(-rules.turn, rules.turn)), 1)
    return Face(identity=identity, appearance=appearance.model_copy(update=shown), scene=Scene(yaw=turn))


def _are_exclusive(first: int, second: int) -> bool:
    return (first, second) in _EXCLUSIVE or (second, first) in _EXCLUSIVE


@dataclass(frozen=True)
class Quiz:
    """One viewer's progress through ``LENGTH`` questions.

    Attributes:
        seed, level: identify the quiz.
        number: index of the current question.
        picks: the AUs picked for each answered question.
    """

    seed: int
    level: Level
    number: int = 0
    picks: tuple[tuple[int, ...], ...] = ()

    @property
    def finished(self) -> bool:
        """Whether all questions are done."""
        return self.number >= LENGTH

    @property
    def answered(self) -> bool:
        """Whether the current question is answered."""
        return len(self.picks) > self.number

    @property
    def question(self) -> Question:
        """The current question."""
        return question(self.seed, self.number, self.level)

    @property
    def points(self) -> float:
        """Sum of the scores of the answered questions."""
        return sum(question(self.seed, i, self.level).points(picked) for i, picked in enumerate(self.picks))

    def answer(self, picked: Iterable[int]) -> Self:
        """Answer the current question; a second answer is ignored."""
        return self if self.answered or self.finished else replace(self, picks=(*self.picks, tuple(sorted(picked))))

    def next(self) -> Self:
        """Go to the next question, if the current one is answered."""
        return replace(self, number=self.number + 1) if self.answered else self

    def missed(self) -> dict[int, int]:
        """FACS number -> how often the AU was active and not picked; the most often missed first."""
        count = Counter[int]()
        for i, picked in enumerate(self.picks):
            count.update(set(question(self.seed, i, self.level).answer) - set(picked))
        return dict(sorted(count.items(), key=lambda item: (-item[1], item[0])))

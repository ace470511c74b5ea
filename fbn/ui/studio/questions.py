"""Guess the action unit: questions drawn from a seed, so that a teacher can repeat a quiz, and their scoring."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

import numpy as np

from fbn.synthetic.activity import ANTAGONISTS
from fbn.synthetic.parameters import Face, Hair, Scene
from fbn.ui.studio.face import looks
from fbn.vocabulary import AU_NUMBERS, REGIONS

LENGTH = 10
_PEOPLE = 10_000
#: Of these a face shows one at a time here: together neither can be made out.
_HIDING = (*ANTAGONISTS, (12, 15), (23, 24), (9, 10), (23, 25), (14, 20))
_REGION = {number: region for region, numbers in REGIONS.items() for number in numbers}


class Level(StrEnum):
    """How hard."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


@dataclass(frozen=True)
class Rules:
    """What a level means.

    Attributes:
        most: active AUs, from 1 up to this.
        options: to choose from.
        weakest, strongest: intensity.
        turn: of the head to either side, at most, degrees.
        at_rest: the same face at rest is shown beside the question.
    """

    most: int
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
    """One face; which of the options is active on it? Numbers are FACS, in order."""

    face: Face
    answer: tuple[int, ...]
    options: tuple[int, ...]

    @property
    def rest(self) -> Face:
        """The same person, pose and light without any AU."""
        return self.face.with_units({})

    def points(self, picked: Iterable[int]) -> float:
        """In [0, 1]: 1 for all active AUs and no other; a wrong pick takes back a right one."""
        chosen = set(picked)
        hits = len(chosen & set(self.answer))
        return max(0, 2 * hits - len(chosen)) / len(self.answer)


def question(seed: int, number: int, level: Level) -> Question:
    """Question ``number`` of the quiz ``seed``; always the same one. Seventeen in a row start from another AU each."""
    rules, rank = RULES[level], list(Level).index(level)
    order = np.random.default_rng((seed, rank)).permutation(AU_NUMBERS).tolist()
    generator = np.random.default_rng((seed, rank, number))
    wanted = int(generator.integers(1, rules.most + 1))
    answer = [order[number % len(order)]]
    for other in generator.permutation(AU_NUMBERS).tolist():
        if len(answer) < wanted and other not in answer and not any(_hide(other, one) for one in answer):
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
    # nothing may cover what is asked for
    shown: dict[str, float | Hair] = {"glasses": 0.0}
    shown |= {"beard": min(appearance.beard, 0.2), "moustache": min(appearance.moustache, 0.2)}
    if appearance.hair is Hair.BANGS:
        shown["hair"] = Hair.SHORT
    turn = round(float(generator.uniform(-rules.turn, rules.turn)), 1)
    return Face(identity=identity, appearance=appearance.model_copy(update=shown), scene=Scene(yaw=turn))


def _hide(first: int, second: int) -> bool:
    return (first, second) in _HIDING or (second, first) in _HIDING


@dataclass(frozen=True)
class Quiz:
    """A run through ``LENGTH`` questions.

    Attributes:
        seed, level: which quiz.
        number: the question that is shown.
        picks: what was picked, question by question; the shown one's is last once it is answered.
    """

    seed: int
    level: Level
    number: int = 0
    picks: tuple[tuple[int, ...], ...] = ()

    @property
    def finished(self) -> bool:
        """All questions are behind."""
        return self.number >= LENGTH

    @property
    def answered(self) -> bool:
        """The shown question has its answer."""
        return len(self.picks) > self.number

    @property
    def question(self) -> Question:
        """The shown one."""
        return question(self.seed, self.number, self.level)

    @property
    def points(self) -> float:
        """Of as many as there are ``picks``."""
        return sum(question(self.seed, i, self.level).points(picked) for i, picked in enumerate(self.picks))

    def answer(self, picked: Iterable[int]) -> Self:
        """Give the shown question's answer; a second one does not count."""
        return self if self.answered or self.finished else replace(self, picks=(*self.picks, tuple(sorted(picked))))

    def next(self) -> Self:
        """The next question, once this one is answered."""
        return replace(self, number=self.number + 1) if self.answered else self

    def missed(self) -> dict[int, int]:
        """FACS number -> how often it was there and not picked."""
        count: dict[int, int] = {}
        for i, picked in enumerate(self.picks):
            for number in set(question(self.seed, i, self.level).answer) - set(picked):
                count[number] = count.get(number, 0) + 1
        return dict(sorted(count.items(), key=lambda item: (-item[1], item[0])))

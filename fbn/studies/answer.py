"""The study's answer in words: did the couplings pay, and which of the papers' claims hold; without Streamlit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fbn.studies.affect_arms import ARMS, UNCOUPLED
from fbn.studies.measure import TOGETHER
from fbn.studies.read import Studied
from fbn.studies.records import Figure
from fbn.studies.words import SIDES, Verdict, key_name, row_name, verdict

HOLDS, PARTLY, FAILS, OPEN = "holds", "holds in part", "does not hold", "cannot be told"
QUESTION = "Does a network read faces better when its tasks are coupled through a relatedness table?"


@dataclass(frozen=True)
class Finding:
    """What a study says to a part of a claim.

    Attributes:
        subject: of what.
        figures: verdict -> names of the figures it fell on.
    """

    subject: str
    figures: Mapping[Verdict, tuple[str, ...]]


@dataclass(frozen=True)
class Claim:
    """One of the papers' claims, held against a study.

    Attributes:
        words: the claim.
        papers: what the papers' own tables say of it.
        verdict: ``HOLDS``, ``PARTLY``, ``FAILS`` or ``OPEN``.
        here: why.
        note: what is to be said beside that, or "".
    """

    words: str
    papers: str
    verdict: str
    here: tuple[Finding, ...] = ()
    note: str = ""


def primaries(studied: Studied) -> tuple[str, ...]:
    """The rows that the question is asked of: the papers' best, of every architecture; else whatever is coupled."""
    if studied.both and studied.of_architectures:
        return studied.both
    coupled = [name for name, row in studied.rows.items() if row.terms]
    return tuple([*studied.both, *coupled][:1])


def primary(studied: Studied) -> str | None:
    """The first of them."""
    return next(iter(primaries(studied)), None)


def first_measure(studied: Studied, row: str) -> list[Figure]:
    """What the plan reads first: mean AU F1 of all sets with AUs, or, of one, its own."""
    if mean := studied.by_place.get((row, (TOGETHER, "f1", False))):
        return [mean]
    return [figure for figure in studied.of_row(row) if figure.figure == "f1" and studied.trained_on(figure.set)]


def headline(studied: Studied, rows: Sequence[str]) -> str:
    """The answer in a few words, from what is read first of some rows; "" where that was not measured."""
    figures = [figure for row in rows for figure in first_measure(studied, row)]
    found = [seen for figure in figures if (seen := _side(figure, "uncoupled"))]
    if not found:
        return ""
    count, some = Counter(found), "by some networks" if len(rows) > 1 else "on some sets"
    if count[Verdict.BETTER] == len(found):
        return "On action units: yes."
    if count[Verdict.BETTER]:
        return f"On action units: {some}."
    if not count[Verdict.WORSE]:
        return "On action units: it cannot be told from these runs."
    every = len(rows) == 1 or count[Verdict.WORSE] == len(found)
    return f"On action units: {'no' if every else f'worse {some}'}."


def sentence(studied: Studied, row: str, side: str) -> str:
    """On how many figures a row is better and worse than the uncoupled or the single-task networks."""
    seen = [found for figure in studied.of_row(row) if (found := _side(figure, side))]
    count = Counter(seen)
    if not seen:
        if row in studied.rows and not studied.rows[row].terms and side == "uncoupled":
            return f"**{row_name(row)}** is what coupled rows are compared with."
        if row in ARMS and ARMS[row].slow and side == "single":
            return f"**{row_name(row)}** cannot be compared: single-task networks are of the small body alone."
        return f"**{row_name(row)}** cannot be compared: this study has no {SIDES[side]} network beside it."
    better, worse, open_ = (count[each] for each in Verdict)
    return (
        f"Against {SIDES[side]}, **{row_name(row)}** is better on **{better}** of {len(seen)} figures and worse on "
        f"**{worse}**; on {open_} these runs cannot tell."
    )


def claims(studied: Studied) -> list[Claim]:
    """The papers' claims 1 to 3."""
    return [_beats(studied), _mends(studied), _affect(studied)]


def _beats(studied: Studied) -> Claim:
    words = "Both couplings together beat uncoupled multi-task training on every set, with either table."
    papers = "On every set, in A (Table III) and in C (Table 2)."
    told: list[Finding] = []
    seen: list[Verdict] = []
    tables: set[str | None] = set()
    for row in studied.both:
        figures = [(figure, found) for figure in studied.of_row(row) if (found := _side(figure, "uncoupled"))]
        seen += [found for _, found in figures]
        own = studied.rows[row]
        subject = row_name(row) if own.group == "architecture" else f"With {_table(own.table)}"
        if figures:
            told.append(_told(studied, figures, subject))
            tables.add(own.table)
    if not told:
        return Claim(words, papers, OPEN, note="No row with both couplings beside an uncoupled one.")
    if len(tables) == 1 and _everywhere(seen) == HOLDS:
        return Claim(words, papers, PARTLY, tuple(told), "Only one table was tried.")
    return Claim(words, papers, _everywhere(seen), tuple(told))


def _mends(studied: Studied) -> Claim:
    words = "Uncoupled multi-task training loses to single-task networks on the smaller tasks, and coupling mends that."
    papers = "In A on expressions and on Aff-Wild valence (Table V); in C uncoupled training already wins everywhere."
    # an architecture is not held against what the small body loses
    row = None if studied.of_architectures else primary(studied)
    plain = [(figure, found) for figure in studied.of_row(UNCOUPLED) if (found := _side(figure, "single"))]
    if not plain:
        return Claim(words, papers, OPEN, note="No uncoupled row beside single-task ones.")
    told = _told(studied, plain, "Uncoupled against single-task")
    lost = [figure for figure, found in plain if found is Verdict.WORSE]
    if not lost:
        gained = all(found is Verdict.BETTER for _, found in plain)
        return Claim(words, papers, FAILS if gained else OPEN, (told,), "So there is no loss to mend.")
    owned = [own for figure in lost if (own := studied.by_place.get((row or "", figure.key)))]
    after = [(own, found) for own in owned if (found := _side(own, "uncoupled"))]
    if not after:
        return Claim(words, papers, PARTLY, (told,), "No coupled row tells whether that is mended.")
    mended = _told(studied, after, f"Where it loses, {row_name(row or '')} against no coupling")
    if not any(found is Verdict.BETTER for _, found in after):
        worse = any(found is Verdict.WORSE for _, found in after)
        note = "It loses there; that coupling mends it is not shown."
        return Claim(words, papers, FAILS if worse else OPEN, (told, mended), note)
    whole = all(found is Verdict.BETTER for _, found in after) and len(after) == len(lost)
    return Claim(words, papers, HOLDS if whole else PARTLY, (told, mended))


def _affect(studied: Studied) -> Claim:
    words = "Valence and arousal improve, though no loss couples them."
    papers = "Both couplings: by 0.06 to 0.11 in A (filtered alike), by 0.03 to 0.05 in C."
    told: list[Finding] = []
    seen: list[Verdict] = []
    for row in primaries(studied):
        figures = [
            (figure, found)
            for figure in studied.of_row(row)
            if figure.task == "affect" and (found := _side(figure, "uncoupled"))
        ]
        seen += [found for _, found in figures]
        told += [_told(studied, figures, f"{row_name(row)} against no coupling")] if figures else []
    if not told:
        return Claim(words, papers, OPEN, note="No coupled row beside an uncoupled one has valence and arousal.")
    return Claim(words, papers, _everywhere(seen), tuple(told))


def _side(figure: Figure, side: str) -> Verdict | None:
    difference = getattr(figure, side)
    return None if difference is None else verdict(difference)


def _everywhere(seen: Sequence[Verdict]) -> str:
    """What becomes of a claim about every figure."""
    count = Counter(seen)
    if count[Verdict.BETTER] == len(seen):
        return HOLDS
    if count[Verdict.BETTER]:
        return PARTLY
    return FAILS if count[Verdict.WORSE] else OPEN


def _told(studied: Studied, figures: Sequence[tuple[Figure, Verdict]], subject: str) -> Finding:
    names = {each: tuple(key_name(studied, f.key) for f, found in figures if found is each) for each in Verdict}
    return Finding(subject, names)


def _table(name: str | None) -> str:
    return {"du2014": "Du 2014's table", "affwild2": "Aff-Wild2's table", "inferred": "the inferred table"}.get(
        name or "", f"table {name}"
    )

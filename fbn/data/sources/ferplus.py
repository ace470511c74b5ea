"""FER+ (Barsoum et al. 2016): ten annotators' votes on the 48x48 gray pictures of FER2013."""

from collections import Counter
from pathlib import Path
from typing import Literal

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, Row, SourceReading, read_table
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.vocabulary import EXPRESSIONS

NAME = "ferplus"
LABELS = "fer2013new.csv"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = (LABELS,)
TAGGERS = 10
_OUTSIDE = ("contempt", "unknown", "NF")
_BALLOT = (*(e.value for e in EXPRESSIONS), *_OUTSIDE)
_COLUMNS = ("Usage", "Image name", *_BALLOT)
_FOLDERS = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
#: Results are reported on FER2013Valid, which is therefore named "test"; FER2013Test is not used.
PRIVATE = "private"
_PARTS = {"Training": "train", "PublicTest": "test", "PrivateTest": PRIVATE}


def read(root: Path, targets: Literal["votes", "majority"] = "votes") -> SourceReading:
    """Read the votes.

    Args:
        root: folder or zip with ``fer2013new.csv`` and the picture folders.
        targets: ``"votes"``: the distribution of the votes over the 7 classes, weighted by the fraction of the ten
            votes that these classes got; rows with most votes for contempt, unknown or no face are rejected.
            ``"majority"``: the class with most of the ten votes, weight 1; ties, contempt, unknown and no face are
            rejected (the usual 7-class protocol).

    Raises:
        FormatError: the files do not follow the layout; the message names file and line.
    """
    present = list_files(root)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    seen: dict[str, dict[str, int]] = {}
    for row in read_table(root, LABELS, _COLUMNS):
        usage = row.get("Usage", str, _FOLDERS.__contains__, f"one of {', '.join(_FOLDERS)}")
        votes = _votes(row)
        if not (name := row["Image name"]):
            rejected.append(Rejected("", row.line, "no image name"))
            continue
        path = f"{_FOLDERS[usage]}/{name}"
        if seen.setdefault(path, votes) is not votes:
            if seen[path] != votes:
                raise FormatError(f"{row.where}, line {row.line}: {path} listed before with other votes")
            reason: str | None = "listed before, same votes"
        else:
            reason = _reason(votes, targets) if path in present else "picture not present"
        if reason is not None:
            rejected.append(Rejected(path, row.line, reason))
        else:
            samples.append(Sample(NAME, str(root), path, _annotations(votes, targets), _PARTS[usage]))
    return SourceReading(NAME, tuple(samples), tuple(rejected))


def _votes(row: Row) -> dict[str, int]:
    votes = {name: row.get(name, int, lambda n: 0 <= n <= TAGGERS, f"votes from 0 to {TAGGERS}") for name in _BALLOT}
    if sum(votes.values()) > TAGGERS:
        raise FormatError(f"{row.where}, line {row.line}: {sum(votes.values())} votes, expected {TAGGERS}")
    return votes


def _reason(votes: dict[str, int], targets: str) -> str | None:
    """Return the reason to reject a row, or None."""
    # the released file has one row of nine votes: reject the row, not the file
    if sum(votes.values()) != TAGGERS:
        return f"fewer than {TAGGERS} votes"
    (first, most), (_, second) = Counter(votes).most_common(2)
    if first in _OUTSIDE and most > second:
        return f"most votes on {first}"
    if targets == "majority" and most == second:
        return "tie for most votes"
    if all(votes[e] == 0 for e in EXPRESSIONS):
        return "no vote on the 7 expressions"
    return None


def _annotations(votes: dict[str, int], targets: str) -> Annotations:
    on_seven = {e.value: float(votes[e]) for e in EXPRESSIONS if votes[e]}
    if targets == "majority":
        return Annotations.of(max(on_seven, key=on_seven.__getitem__))
    labels = Annotations.of(on_seven)
    labels.expression_weight.fill_(sum(on_seven.values()) / TAGGERS)
    return labels

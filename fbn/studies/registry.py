"""Registry of studies, one line for each."""

from pkgutil import resolve_name

from fbn.errors import FormatError
from fbn.studies.study import Study

#: Name of ``fbn study NAME`` -> ``module:value``.
STUDIES: dict[str, str] = {
    "affect": "fbn.studies.affect:STUDY",
    "tables": "fbn.studies.tables:STUDY",
    "compound": "fbn.studies.compound:STUDY",
    "transfer": "fbn.studies.transfer:STUDY",
    "faces": "fbn.studies.faces:STUDY",
}


def study_of(name: str) -> Study:
    """Return the study of a name.

    Raises:
        FormatError: the name is unknown.
    """
    if name not in STUDIES:
        raise FormatError(f"unknown study {name!r}: expected one of {', '.join(STUDIES)}")
    study = resolve_name(STUDIES[name])
    assert isinstance(study, Study)
    return study

"""Registry of studies, one line for each; and a request of any of them, for background jobs."""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializeAsAny, model_validator

from fbn.context import Context
from fbn.errors import FormatError
from fbn.studies import engine
from fbn.studies.study import Request, Study

#: Name of ``fbn study NAME`` -> ``module:value``.
STUDIES: dict[str, str] = {
    "affect": "fbn.studies.affect:STUDY",
    "tables": "fbn.studies.tables:STUDY",
    "compound": "fbn.studies.compound:STUDY",
    "transfer": "fbn.studies.transfer:STUDY",
    "faces": "fbn.studies.faces:STUDY",
}
#: Study of jobs from before there were several.
_FIRST = "affect"


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


def study_with(request: Mapping[str, Any]) -> Study:
    """Return the first study whose request has all of these fields, for folders that do not name their study.

    Raises:
        FormatError: no study has them.
    """
    fields = {"arms" if name == "rows" else name for name in request}
    for study in map(study_of, STUDIES):
        if fields <= set(study.request.model_fields):
            return study
    raise FormatError(f"no study has the fields {', '.join(request)}: expected those of one of {', '.join(STUDIES)}")


class StudyRequest(BaseModel):
    """A request of any study.

    Attributes:
        study: name of the study.
        request: its request.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: str
    request: SerializeAsAny[Request]

    @model_validator(mode="before")
    @classmethod
    def _parsed(cls, values: Any) -> Any:
        """Parse the request as the study's; values without ``request`` are those of the first study itself."""
        if not isinstance(values, Mapping):
            return values
        named: dict[str, Any] = dict(values) if "request" in values else {"study": _FIRST, "request": values}
        if not isinstance(named["request"], Mapping):
            return named
        return {**named, "request": study_of(named.get("study", _FIRST)).parse(named["request"])}


def run(request: StudyRequest, context: Context) -> dict[str, Any]:
    """Run a study in this process; see ``fbn.studies.engine.run``."""
    return engine.run(study_of(request.study), request.request, context)

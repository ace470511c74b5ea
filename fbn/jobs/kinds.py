"""The kinds of jobs. To add one: a function of (pydantic model, ``Context``) -> result, and a line in ``KINDS``.

A job's file names a kind, not code, so that only these functions can be run.
"""

import inspect
from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any, get_type_hints

from pydantic import BaseModel, ValidationError

from fbn.context import Context
from fbn.errors import FormatError, readable_errors

#: Kind -> ``module:function``. The function's result must be JSON-serialisable.
KINDS: dict[str, str] = {
    "compare": "fbn.studies.tables:compare",
    "study": "fbn.studies.registry:run",
    "fewshot": "fbn.fewshot.learn:few_shot",
}

Function = Callable[[Any, Context], Any]


def load(kind: str) -> tuple[Function, type[BaseModel]]:
    """Return the function of a kind and the model of its parameters, which is the type of its first argument.

    Raises:
        FormatError: unknown kind.
    """
    if kind not in KINDS:
        raise FormatError(f"unknown kind of job {kind!r}: expected one of {', '.join(sorted(KINDS))}")
    function = resolve_name(KINDS[kind])
    return function, get_type_hints(function)[next(iter(inspect.signature(function).parameters))]


def parse(kind: str, parameters: BaseModel | Mapping[str, Any]) -> BaseModel:
    """Validate the parameters of a kind.

    Raises:
        FormatError: unknown kind, or a parameter that is unknown, missing or invalid; the message names it.
    """
    _, model = load(kind)
    values = parameters.model_dump(mode="json") if isinstance(parameters, BaseModel) else parameters
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise FormatError(f"{kind}: {readable_errors(error, kind)}") from None

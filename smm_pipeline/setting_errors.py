"""What a wrong setting is told: key, value, and what was expected.

Belongs here: the translation of pydantic's errors into the words of a settings file. Does not belong here: any setting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

EXPECTED = {"tuple_type": "expected a list", "dict_type": "expected a table", "model_type": "expected a table"}


def explain(error: ValidationError, model: type[BaseModel], *, hidden: Sequence[str] = ()) -> str:
    """All errors of a settings file in one line.

    Args:
        error: what pydantic says.
        model: the settings; their field names are the suggestions for a misspelt one.
        hidden: fields of the model that no file sets.
    """
    return "; ".join(_line(item, model, hidden) for item in error.errors(include_url=False))


def _line(item: Mapping[str, Any], model: type[BaseModel], hidden: Sequence[str]) -> str:
    # pydantic marks an error of a table's key, not of its value, by a last part of its own.
    path = [str(part) for part in item["loc"] if part != "[key]"]
    got = "" if item["type"] == "missing" else f" = {item['input']!r}"
    return f"{'.'.join(path) or 'settings'}{got}: {_message(item, path, model, hidden)}"


def _message(item: Mapping[str, Any], path: Sequence[str], model: type[BaseModel], hidden: Sequence[str]) -> str:
    if item["type"] == "extra_forbidden":
        known = [name for name in _section(model, path[:-1]).model_fields if name not in hidden]
        close = get_close_matches(path[-1], known, n=1)
        return "is not a setting; " + (f"did you mean {close[0]}?" if close else f"known are: {', '.join(known)}")
    if item["type"] == "missing":
        return f"is required: {_wanted(_section(model, path[:-1]).model_fields[path[-1]])}"
    return EXPECTED.get(item["type"]) or str(item["msg"]).removeprefix("Value error, ")


def _wanted(field: FieldInfo) -> str:
    """What a field is for, or which keys the section needs that is missing."""
    section = field.annotation
    if isinstance(section, type) and issubclass(section, BaseModel):
        needed = [name for name, inner in section.model_fields.items() if inner.is_required()]
        return f"expected a table with {', '.join(needed)}"
    return str(field.description)


def _section(model: type[BaseModel], path: Sequence[str]) -> type[BaseModel]:
    """The section at a path; feeds.NAME is a section of the type that the table of feeds holds."""
    section: Any = model
    for part in path:
        if isinstance(section, type) and issubclass(section, BaseModel):
            section = section.model_fields[part].annotation
        else:
            section = get_args(section)[-1]
    found: type[BaseModel] = section
    return found

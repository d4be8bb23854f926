"""What a wrong setting is told: key, value, and what was expected.

Belongs here: the translation of pydantic's errors into the words of a settings file. Does not belong here: any setting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

# Names whose value may be a secret, wherever it was put.
_SECRET = re.compile("key|token|passw|pwd|secret", re.IGNORECASE)
_PERSON_KEY = "person_key"
EXPECTED = {"tuple_type": "expected a list", "dict_type": "expected a table", "model_type": "expected a table"}


def explain(
    error: ValidationError, model: type[BaseModel], overrides: Mapping[str, Any], *, hidden: Sequence[str] = ()
) -> tuple[str, set[str]]:
    """All errors of settings in one line, and which environment variables are to blame: '' stands for the file.

    Args:
        error: what pydantic says.
        model: the settings; their field names are the suggestions for a misspelt one.
        overrides: the values that come from the environment and not from the file.
        hidden: fields of the model that no file sets.
    """
    lines, blamed = [], set()
    for item in error.errors(include_url=False):
        # pydantic marks an error of a table's key, not of its value, by a last part of its own.
        path = [str(part) for part in item["loc"] if part != "[key]"]
        variable = _variable(path, overrides, str(model.model_config.get("env_prefix", "")))
        key = ".".join(path) or "settings"
        name = f"{variable} ({key})" if variable else key
        lines.append(f"{name}{_shown(item, path)}: {_message(item, path, model, hidden)}")
        blamed.add(variable)
    return "; ".join(lines), blamed


def _shown(item: Mapping[str, Any], path: Sequence[str]) -> str:
    """The wrong value, unless it may be a secret: what is no setting may be one that was put in the wrong place."""
    value = item["input"]
    is_plain = not isinstance(value, Mapping | list | tuple)
    if item["type"] in ("missing", "extra_forbidden") or not is_plain or any(map(_SECRET.search, path)):
        return ""
    return f" = {value!r}"


def _variable(path: Sequence[str], overrides: Mapping[str, Any], prefix: str) -> str:
    """The variable that set the value at a path; empty where the file did."""
    value: Any = overrides
    for part in path:
        if not isinstance(value, Mapping):
            break
        if part not in value:
            return ""
        value = value[part]
    names = ["__".join([prefix + path[0], *path[1:n]]).upper() for n in range(len(path), 0, -1)]
    return next((name for name in names if name in map(str.upper, os.environ)), "")


def _message(item: Mapping[str, Any], path: Sequence[str], model: type[BaseModel], hidden: Sequence[str]) -> str:
    if path and path[-1].lower().endswith(_PERSON_KEY):
        return "is not a setting; the person key stands in .env as SMM_PERSON_KEY"
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

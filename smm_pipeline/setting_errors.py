"""What a wrong setting is told: key, value, and what was expected.

Belongs here: the translation of pydantic's errors into the words of a file that a person writes, settings or a mapping.
Does not belong here: any setting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

# Names whose value may be a secret, wherever it was put.
_SECRET = re.compile("key|token|passw|pwd|secret", re.IGNORECASE)
# What of an address may be a login or a token.
_LOGIN, _QUERY = re.compile(r"//[^/'\"]*@"), re.compile(r"\?[^'\"]*")
_PERSON_KEY = "person_key"


@dataclass(frozen=True)
class Words:
    """What a kind of file calls its keys and what holds several of them."""

    key: str = "a setting"
    table: str = "a table"


SETTINGS = Words()


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
        # What is no setting may be a secret that was put in the wrong place.
        value = "" if any(map(_SECRET.search, path)) else shown(item)
        lines.append(f"{name}{value}: {message(item, path, model, hidden=hidden)}")
        blamed.add(variable)
    return "; ".join(lines), blamed


def shown(item: Mapping[str, Any]) -> str:
    """The wrong value of one of pydantic's errors, where it is a single one and the value is what is wrong."""
    value = item["input"]
    is_plain = not isinstance(value, Mapping | list | tuple)
    written = str(value) if isinstance(value, date) else repr(value)
    if "://" in written:
        written = _LOGIN.sub("//(...)@", _QUERY.sub("?(...)", written))
    return f" = {written}" if is_plain and item["type"] not in ("missing", "extra_forbidden") else ""


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


def message(
    item: Mapping[str, Any],
    path: Sequence[str],
    model: type[BaseModel],
    *,
    hidden: Sequence[str] = (),
    words: Words = SETTINGS,
) -> str:
    """What was expected at the place of one of pydantic's errors.

    Args:
        item: the error.
        path: the keys down to its place.
        model: the whole file.
        hidden: fields of the model that no file sets.
        words: what the file calls things.
    """
    if path and path[-1].lower().endswith(_PERSON_KEY):
        return "is not a setting; the person key stands in .env as SMM_PERSON_KEY"
    if item["type"] == "extra_forbidden":
        known = [name for name in _fields(_section(model, path[:-1])) if name not in hidden]
        close = get_close_matches(path[-1], known, n=1)
        return f"is not {words.key}; " + (f"did you mean {close[0]}?" if close else f"known are: {', '.join(known)}")
    if item["type"] == "missing":
        return f"is required: {_wanted(_fields(_section(model, path[:-1]))[path[-1]], words)}"
    if item["type"] == "literal_error":
        known = re.findall("'([^']+)'", item["ctx"]["expected"])
        close = get_close_matches(str(item["input"]), known, n=1)
        return str(item["msg"]) + (f"; did you mean {close[0]}?" if close else "")
    expected = {"tuple_type": "a list", "dict_type": words.table, "model_type": words.table, "string_type": "text"}
    kind = expected.get(item["type"])
    return f"expected {kind}" if kind else str(item["msg"]).removeprefix("Value error, ")


def _wanted(field: FieldInfo, words: Words) -> str:
    """What a field is for, or which keys the section needs that is missing."""
    section = field.annotation
    if isinstance(section, type) and issubclass(section, BaseModel):
        needed = [name for name, inner in _fields(section).items() if inner.is_required()]
        return f"expected {words.table} with {', '.join(needed)}"
    return str(field.description)


def _fields(section: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a section by the names that a file gives them."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _section(model: type[BaseModel], path: Sequence[str]) -> type[BaseModel]:
    """The section at a path; feeds.NAME is a section of the type that the table of feeds holds."""
    section: Any = model
    for part in path:
        is_section = isinstance(section, type) and issubclass(section, BaseModel)
        section = _fields(section)[part].annotation if is_section else _held(section)
        if NoneType in get_args(section):
            section = _held(section)
    found: type[BaseModel] = section
    return found


def _held(annotation: Any) -> Any:
    """What a table or a list holds, or what an optional value is."""
    return [inner for inner in get_args(annotation) if inner not in (NoneType, Ellipsis)][-1]

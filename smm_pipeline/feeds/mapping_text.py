"""The text of a mapping file: reading its YAML, and telling what is wrong in it.

Belongs here: what YAML itself takes for something else than was meant, and errors of the typed form in the words of the
file. Does not belong here: what a mapping may say (mapping.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingOf
from datetime import date
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from smm_pipeline.setting_errors import Words, message, shown

_WORDS = Words(key="a key here", table="a mapping (key: value)")
_TAG = "tag:yaml.org,2002:"
# Keys that YAML does not read as they are written. Numbers are left out: they become text again.
_MISREAD = {f"{_TAG}bool", f"{_TAG}null", f"{_TAG}timestamp"}


class _Loader(yaml.CSafeLoader):
    """YAML as it is, with a list of the keys that it misreads, also at depths that no model describes."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.misread: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        for key, _ in node.value:
            if key.tag in _MISREAD:
                self.misread.append(
                    f"line {key.start_mark.line + 1}: expected text as key; YAML reads {key.value} without quotes as "
                    f"{self.construct_object(key)}: write '{key.value}'"
                )
        return super().construct_mapping(node, deep=deep)


def load(text: str) -> Any:
    """The values of a mapping file.

    Raises:
        ValueError: naming every key that YAML takes for something else than text, or that stands twice.
        yaml.YAMLError: when the text is not YAML.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        # Before the values: a key that is merged in stands beside the one that goes over it then.
        wrong = list(_twice(node, set()))
        values = loader.construct_document(node) if node else None
    finally:
        loader.dispose()
    if wrong := [*loader.misread, *wrong]:
        raise ValueError("; ".join(wrong))
    return values


def _twice(node: yaml.Node | None, seen: set[yaml.Node]) -> Iterator[str]:
    """Keys that stand twice in one place, of which YAML keeps the last without a word."""
    if node is None or node in seen:
        return
    seen.add(node)
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in first:
                yield (
                    f"line {line}: {name} stands twice, first in line {first[name]}, and YAML keeps the last alone: "
                    "leave one out"
                )
            elif name:
                first[name] = line
            yield from _twice(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for part in node.value:
            yield from _twice(part, seen)


def explain(error: ValidationError, model: type[BaseModel], values: Any) -> str:
    """All errors of a mapping in one line: key, value and what was expected."""
    lines = []
    for item in error.errors(include_url=False):
        key = ".".join(_written(item["loc"], values)) or "the whole file"
        told = message(item, [str(part) for part in item["loc"]], model, words=_WORDS)
        # A file that is no mapping at all may be the one that holds the secrets.
        value = shown(item) if item["loc"] else ""
        lines.append(f"{key}{value}: {told}{_remedy(item)}")
    return "; ".join(lines)


def _written(location: Sequence[int | str], values: Any) -> list[str]:
    """The keys as they stand in the file: one value in short form, for a list or a mapping, has no inner place."""
    keys: list[str] = []
    for part in location:
        if isinstance(values, MappingOf):
            if isinstance(part, int) and part not in values:
                continue
            values = values.get(part)
        elif isinstance(values, list) and isinstance(part, int):
            values = values[part]
        else:
            break
        keys.append(str(part))
    return keys


def _remedy(item: MappingOf[str, Any]) -> str:
    value = item["input"]
    if item["type"] not in ("string_type", "literal_error", "value_error"):
        return ""
    if isinstance(value, bool):
        names = "yes, on and true" if value else "no, off and false"
        return f"; YAML reads {names} without quotes as {value}: put a name in quotes"
    if value is None:
        return "; YAML reads null, ~ and an empty place as None: put a name in quotes"
    return "; YAML reads it as a date: put it in quotes" if isinstance(value, date) else ""

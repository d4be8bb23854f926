"""Writes docs/settings.md from the settings models, so that the page cannot fall behind the code.

Belongs here: turning fields into a table. Does not belong here: any wording about a setting; that is the field's own
description in smm_pipeline/settings.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from smm_pipeline.channel_settings import ChannelHost, ChannelRule
from smm_pipeline.goal_settings import Goal
from smm_pipeline.pull_settings import Pull
from smm_pipeline.settings import Feed, Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
HEAD = """# Settings

Made by `make docs` from `settings.py` and the `*_settings.py` beside it; change the description there.

An instance folder (`SMM_HOME`, else `./instance`) holds one `smm.toml`. A wrong value stops the command with its key,
the value and what was expected. An environment variable overrides the file: `SMM_RULES__IMPULSE_HOURS=24`. The secret
`SMM_PERSON_KEY` stands in the instance's `.env` (mode 600) or in the environment, never in `smm.toml`.
"""
NAMES = {"str": "text", "int": "whole number", "float": "number", "Decimal": "number", "date": "date", "Path": "path"}


def page() -> str:
    """The whole page as Markdown."""
    top = {name: field for name, field in Settings.model_fields.items() if not _section(field) and name != "home"}
    parts = [HEAD, _table("Top level", "", {n: f for n, f in top.items() if n not in ("feeds", "goals")})]
    for name, field in Settings.model_fields.items():
        section = _section(field)
        if section is not None:
            parts.append(_table(f"[{name}]", section.__doc__ or "", section.model_fields))
    parts.append(_table("[[channels.hosts]]", ChannelHost.__doc__ or "", ChannelHost.model_fields))
    parts.append(_table("[[channels.rules]]", ChannelRule.__doc__ or "", ChannelRule.model_fields))
    parts.append(_table("[[goals]]", Goal.__doc__ or "", Goal.model_fields))
    parts.append(_table("[feeds.NAME]", Feed.__doc__ or "", Feed.model_fields))
    parts.append(_table("[feeds.NAME.pull]", Pull.__doc__ or "", Pull.model_fields))
    return "\n".join(parts)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _table(title: str, text: str, fields: dict[str, FieldInfo]) -> str:
    rows = [f"| `{name}` | {_kind(field)} | {_default(field)} | {_meaning(field)} |" for name, field in fields.items()]
    head = [f"## {title}", "", *([text.strip(), ""] if text else []), "| key | value | default | meaning |"]
    return "\n".join([*head, "|---|---|---|---|", *rows, ""])


def _kind(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if NoneType in get_args(kind):
        kind = get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "table"
    text = NAMES.get(getattr(kind, "__name__", ""), "")
    if not text:
        lists = "tuple" in str(kind)
        entries = "list of whole numbers" if "int" in str(kind) else "list of texts"
        if any(isinstance(inner, type) and issubclass(inner, BaseModel) for inner in get_args(kind)):
            entries = "list of tables"
        text = entries if lists else "table of texts" if "dict" in str(kind) else "text"
    limits = [f"{sign} {getattr(m, name)}" for m in field.metadata for name, sign in _BOUNDS if hasattr(m, name)]
    patterns = [m.pattern for m in field.metadata if getattr(m, "pattern", None)]
    return " ".join(filter(None, [text, ", ".join(limits), *(f"like `{p}`".replace("|", "\\|") for p in patterns)]))


_BOUNDS = (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is PydanticUndefined:
        return "required"
    if value is None or value == "" or value == () or value == {}:
        return "-"
    return f"`{', '.join(map(str, value)) if isinstance(value, tuple) else value}`"


def _meaning(field: FieldInfo) -> str:
    return re.sub(r"\s+", " ", field.description or "-").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

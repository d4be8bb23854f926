"""Kinds of values that a setting may take, each refused with what was expected in its place.

Belongs here: types that check a value by itself. Does not belong here: settings (settings.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator

# The names stand in hundreds of files, and settings are read in every step of a Dagster run.
_zones = cache(available_timezones)


def _known_zone(value: str) -> str:
    if value not in _zones():
        raise ValueError("expected an IANA time zone such as Europe/Kyiv")
    return value


def shaped(pattern: str, expected: str) -> AfterValidator:
    """A check of texts that match a pattern as a whole; `expected` says in words what it stands for."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


def _inside(value: str) -> str:
    if Path(value).is_absolute() or os.pardir in Path(os.path.normpath(value)).parts:
        raise ValueError("expected a path inside the instance folder, such as mappings/costs.yml")
    return value


def _file_pattern(value: str) -> str:
    """Some globs are errors to the search for files, and others match folders alone, or lead out of the feed's own."""
    parts = value.split("/")
    unfit = {"", ".."} & {*parts} or parts[-1] in (".", "**") or any("**" in part and part != "**" for part in parts)
    if unfit:
        raise ValueError("expected a glob below the feed's folder such as *.csv or **/*.csv")
    return value


def _time_pattern(value: str) -> str:
    try:
        groups = re.compile(value).groupindex
    except re.error as error:
        raise ValueError(f"expected a regular expression with a group (?P<ts>...): {error}") from error
    if value and "ts" not in groups:
        raise ValueError("expected a regular expression with a group (?P<ts>...)")
    return value


def _store_url(value: str) -> str:
    parts = urlsplit(value)
    if value and (not parts.scheme or "@" in parts.netloc or parts.query):
        raise ValueError("expected an address such as s3://bucket/prefix; logins stand in the environment")
    return value.rstrip("/")


def _search_word(value: str) -> str:
    """An empty word would stand in every query."""
    if not re.search(r"\w", value):
        raise ValueError("expected a word or several, such as ourbrand")
    return value.strip()


def _content_path(value: str) -> str:
    """The root is no beginning of some pages, and an address no path; how a slash at either end stands is one."""
    path = value.strip().strip("/")
    if not path or re.search(r"://|[?#]", path):
        raise ValueError("expected the beginning of a path such as /blog")
    return f"/{path}"


def below_paths(paths: Iterable[str]) -> str:
    """A regular expression for the paths of pages that are one of these or lie below it; without any, for none."""
    found = "|".join(map(re.escape, paths))
    # Nothing stands before the beginning of a text.
    return f"^({found})(/|$)" if found else "x^"


def whole_words(words: Iterable[str]) -> str:
    """A regular expression for texts in lower case in which one of the words stands as a whole, not within another."""
    found = "|".join(r"\s+".join(re.escape(part) for part in word.lower().split()) for word in words)
    return rf"(^|[^\p{{L}}\p{{N}}])({found})([^\p{{L}}\p{{N}}]|$)"


_LABEL = r"[^\W_]([\w-]{0,61}[^\W_])?"
TimeZone = Annotated[str, AfterValidator(_known_zone)]
Currency = Annotated[str, shaped(r"[A-Z]{3}", "an ISO 4217 code such as UAH")]
Host = Annotated[str, shaped(rf"{_LABEL}(\.{_LABEL})+", "a host such as shop.example")]
FeedName = Annotated[str, shaped(r"[a-z0-9_]+", "a feed name of a-z, 0-9 and _, such as web_orders")]
SearchWord = Annotated[str, AfterValidator(_search_word)]
FilePattern = Annotated[str, AfterValidator(_file_pattern)]
InnerPath = Annotated[str, AfterValidator(_inside)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]
ContentPath = Annotated[str, AfterValidator(_content_path)]
TimePattern = Annotated[str, AfterValidator(_time_pattern)]

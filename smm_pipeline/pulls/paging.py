"""Which page comes after which.

Belongs here: the place of the next page out of a page, for every kind of paging. Does not belong here: spans of time
(windows.py) and the call itself (client.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import urljoin

import httpx

from smm_pipeline.errors import SmmError
from smm_pipeline.pulls.answers import Answer, value_at
from smm_pipeline.pulls.spec import Pages


def place_values(pages: Pages, place: Any) -> dict[str, Any]:
    """Parameters of the call for a page."""
    return {} if pages.kind in ("one", "link") or place is None else {pages.parameter: place}


def next_place(pages: Pages, place: Any, answer: Answer, records: Sequence[Any], address: str) -> Any:
    """Where the next page is; None after the last one.

    Args:
        pages: how pages follow.
        place: of this page.
        answer: this page.
        records: of this page.
        address: of the API; links may be relative to it.

    Raises:
        SmmError: SMM-314 when the answer lacks what leads on.
    """
    is_short = pages.size is not None and len(records) < pages.size
    match pages.kind:
        case "one":
            return None
        case "number":
            return _next_number(pages, int(place), answer, is_short)
        case "offset":
            return _next_offset(pages, int(place), answer, is_short)
        case "link":
            return _next_link(answer, address)
        case "last":
            found = value_at(records[-1], pages.at) if records and not is_short else None
        case "cursor":
            found = value_at(answer.document, pages.at)
            if (pages.more_at and not value_at(answer.document, pages.more_at)) or (pages.keep and is_short):
                found = None
    return found or None


def kept_place(pages: Pages, place: Any, answer: Answer, records: Sequence[Any]) -> Any:
    """The place that a later pull begins at, where places are kept."""
    source = records[-1] if pages.kind == "last" and records else answer.document
    found = value_at(source, pages.at) if pages.kind == "cursor" or records else None
    return place if found is None else found


def all_older(records: Sequence[Any], path: str, beginning: datetime) -> bool:
    """Whether every record of a page is older than the window; a pinned one before newer ones ends nothing.

    A time without an offset is one of the window's zone.
    """
    times = [_moment(value_at(record, path), beginning.tzinfo) for record in records]
    return bool(times) and all(moment is not None and moment < beginning for moment in times)


def _moment(value: Any, zone: tzinfo | None) -> datetime | None:
    """An instant, written as Unix seconds or in ISO form; None where it is neither."""
    try:
        if str(value).isdecimal():
            return datetime.fromtimestamp(int(value), UTC)
        moment = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _next_number(pages: Pages, place: int, answer: Answer, is_short: bool) -> int | None:
    if pages.count_header:
        count = answer.headers.get(pages.count_header.lower(), "")
        if count.isdecimal():
            return place + 1 if place < int(count) else None
        if pages.size is None:
            raise SmmError(
                "SMM-314",
                f"the answer lacks the header {pages.count_header}, which counts the pages",
                where=answer.where,
                hint="a cache or a proxy before the source may take it away",
            )
    return None if is_short else place + 1


def _next_offset(pages: Pages, place: int, answer: Answer, is_short: bool) -> int | None:
    following = place + (pages.size or 0) - pages.overlap
    total = str(value_at(answer.document, pages.total_at)) if pages.total_at else ""
    # What the source leaves out of a page, such as posts that were deleted, makes it short and is no end.
    is_last = following >= int(total) if total.isdecimal() else is_short
    return None if is_last else following


def _next_link(answer: Answer, address: str) -> str | None:
    header = answer.headers.get("link", "")
    for link in httpx.Response(200, headers={"link": header}).links.values() if header else ():
        if link.get("rel") == "next" and link.get("url"):
            return urljoin(address + "/", link["url"])
    return None

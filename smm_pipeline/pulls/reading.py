"""Reading a feed's pages one after the other, each with the mark that it leaves behind.

Belongs here: windows and pages in turn, and noticing pages that never end. Does not belong here: reports made to order
(jobs.py), keeping the pages (run.py) and the wire (client.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from smm_pipeline.errors import SmmError
from smm_pipeline.pulls.answers import Answer, records_in, value_at
from smm_pipeline.pulls.client import Client
from smm_pipeline.pulls.clock import Clock
from smm_pipeline.pulls.jobs import job_pages
from smm_pipeline.pulls.paging import all_older, kept_place, next_place, place_values
from smm_pipeline.pulls.sources import Source
from smm_pipeline.pulls.spec import Request
from smm_pipeline.pulls.windows import Mark, Page

MOST_EMPTY_PAGES = 20


def read_pages(source: Source, client: Client, clock: Clock, mark: Mark | None) -> Iterator[Page]:
    """Pages from where the mark stands to the end of what is due.

    Raises:
        SmmError: SMM-311 to SMM-317; the pages before it are good, and the mark of the last of them leads on.
    """
    now = clock.now()
    current = source.span.opened(mark, source.fingerprint, now)
    while current is not None:
        last = current
        if source.spec.job is not None:
            for page in job_pages(source.spec.job, client, {**source.names, **source.span.names(current)}, current):
                last = page.mark
                yield page
        elif source.spec.request is not None:
            for page in _window(source, source.spec.request, client, current):
                last = page.mark
                yield page
        current = source.span.following(last, now)


def _window(source: Source, request: Request, client: Client, mark: Mark) -> Iterator[Page]:
    """Pages of one window."""
    pages, spec = source.spec.pages, source.spec
    names = {**source.names, **source.span.names(mark)}
    place = pages.start if mark.place is None else mark.place
    # Vendors forget their cursors after hours or days, and a link may have led to a host that is not allowed; a place
    # that is kept for good is not one of these.
    may_be_forgotten = mark.place is not None and pages.kind in ("cursor", "link", "last") and not pages.keep
    seen, empty, last_body = {str(place)}, 0, ""
    while True:
        link = str(place or "") if pages.kind == "link" else ""
        try:
            answer = client.call(request, names, place_values(pages, place), link=link)
        except SmmError as error:
            if error.code not in ("SMM-316", "SMM-317") or not may_be_forgotten:
                raise
            mark, place = replace(mark, place=None, records=0, total=None), pages.start
            seen, may_be_forgotten = {str(place)}, False
            continue
        may_be_forgotten = False
        records = records_in(answer.document, spec.records_at)
        digest = hashlib.sha256(answer.body).hexdigest() if records else ""
        following = next_place(pages, place, answer, records, source.address)
        if pages.time_at and all_older(records, pages.time_at, source.span.beginning(mark)):
            following = None
        if pages.keep and following == place:
            following = None
        # Posts that were deleted make pages short; a page of none among those that are counted is no such gap.
        counted_at = spec.total or ("" if records else pages.total_at)
        mark = replace(mark, records=mark.records + len(records), total=_total(counted_at, answer, mark.total))
        is_repeated = following is not None and (str(following) in seen or (digest != "" and digest == last_body))
        empty = 0 if records else empty + 1
        if following is None:
            kept = kept_place(pages, place, answer, records) if pages.keep else None
            yield Page(answer.body, len(records), replace(mark, place=kept, is_done=True))
            return
        # A window that leads in circles is read anew next time.
        mark = replace(mark, place=None, records=0, total=None) if is_repeated else replace(mark, place=following)
        yield Page(answer.body, len(records), mark)
        if is_repeated:
            raise _endless("a page leads back to one that was read", source)
        if empty > MOST_EMPTY_PAGES:
            raise _endless(f"{empty} pages in a row are empty, and each says that there is another", source)
        seen.add(str(following))
        place, last_body = following, digest


def _total(place: str, answer: Answer, known: int | None) -> int | None:
    """How many records there are, as the source says it; the first answer counts, later ones may be of a moved set."""
    if not place or known is not None:
        return known
    name, _, header = place.partition(" ")
    found: Any = answer.headers.get(header.lower()) if name == "header" else value_at(answer.document, place)
    return int(found) if str(found).isdecimal() else None


def _endless(what: str, source: Source) -> SmmError:
    hint = "the pages that came are kept; report it to the vendor, or correct pages: of the description"
    return SmmError("SMM-315", what, where=f"{source.feed}: {source.address}", hint=hint)

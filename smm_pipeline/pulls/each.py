"""Asking for things that are known already, some of them in each call: counters of posts by their ids.

Belongs here: which posts the warehouse knows, going through them, and noting what was asked where an answer does not
say it. Does not belong here: pages that lead to each other (reading.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import duckdb
import orjson

from smm_pipeline.errors import SmmError
from smm_pipeline.pulls.answers import Answer, records_in
from smm_pipeline.pulls.client import Client
from smm_pipeline.pulls.clock import Clock
from smm_pipeline.pulls.sources import Source
from smm_pipeline.pulls.spec import Each, Request, filled
from smm_pipeline.pulls.windows import Mark, Page

# One post may be gone; where the first calls are all refused it is not the posts' fault.
MOST_REFUSED_AT_FIRST = 5


def known_posts(con: duckdb.DuckDBPyConnection, each: Each, community_id: str) -> list[str]:
    """Ids of the newest posts of a community that any feed has brought, newest first."""
    found = con.execute(
        "select post_id from raw.community_post where _is_current and network = ? and community_id = ? "
        "order by published_ts desc, post_id desc limit ?",
        [each.posts_of, community_id, each.newest],
    ).fetchall()
    return [str(post_id) for (post_id,) in found]


def read_each(
    source: Source, client: Client, clock: Clock, mark: Mark | None, ids: Sequence[str], warnings: list[str]
) -> Iterator[Page]:
    """Answers about all ids, after those that an unfinished pull has asked for.

    The place of a mark is the last id that was answered. A call that the source refuses is left out and told of in
    `warnings`, since posts are deleted. A place after which nothing is answered is left for the first id.

    Raises:
        SmmError: SMM-311 to SMM-317; the answers before it are good.
    """
    each, request = source.spec.each, source.spec.request
    current = source.span.opened(mark, source.fingerprint, clock.now())
    if each is None or request is None or current is None:
        return
    if not ids:
        whose = f"{each.posts_of} community {source.community_id}"
        warnings.append(f"no posts of {whose} are known yet: another feed brings them, and the next pull asks for them")
        return
    start = ids.index(current.place) + 1 if current.place in ids else 0
    for left in [ids[start:], ids] if start else [ids]:
        refused: list[SmmError] = []
        answered = 0
        for page in _answers(source, each, request, client, current, left, refused):
            answered += 1
            yield page
        if answered:
            break
    if refused and not answered:
        raise refused[-1]
    if refused:
        told = f"calls that were refused: {len(refused)} of {answered + len(refused)}, the last one so"
        warnings.append(f"{told}: {refused[-1].what}")


def _answers(
    source: Source,
    each: Each,
    request: Request,
    client: Client,
    mark: Mark,
    ids: Sequence[str],
    refused: list[SmmError],
) -> Iterator[Page]:
    """An answer for each group of ids, with the mark after it; `refused` takes the errors of those that bring none."""
    groups = [ids[i : i + each.at_once] for i in range(0, len(ids), each.at_once)]
    is_answered = False
    for group in groups:
        names = {**source.names, "ids": ",".join(group)}
        try:
            answer = client.call(request, names)
        except SmmError as error:
            if error.code != "SMM-316":
                raise
            refused.append(error)
            if not is_answered and len(refused) == MOST_REFUSED_AT_FIRST:
                return
            continue
        is_answered = True
        records = len(records_in(answer.document, source.spec.records_at))
        mark = replace(mark, place=group[-1], is_done=group is groups[-1], records=mark.records + records)
        yield Page(_noted(answer, filled(each.noted, names)), records, mark)


def _noted(answer: Answer, noted: dict[str, str]) -> bytes:
    """The answer as it came, with what was asked put before its own fields."""
    if not noted:
        return answer.body
    before, _, rest = answer.body.partition(b"{")
    if not isinstance(answer.document, dict) or before.strip() or not answer.document:
        what = "the answer is no object with fields, so what was asked cannot be noted in it"
        raise SmmError("SMM-314", what, where=answer.where, hint="look at each.noted of the description")
    return before + orjson.dumps(noted)[:-1] + b"," + rest

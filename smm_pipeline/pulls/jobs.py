"""Reports that a vendor makes to order, as Metrica's Logs API does.

Belongs here: ordering, asking until it is done, fetching the parts, and cleaning up. Does not belong here: pages that
are there at once (reading.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from smm_pipeline.errors import SmmError
from smm_pipeline.pulls.answers import Answer, PassingError, value_at
from smm_pipeline.pulls.client import Client, any_text
from smm_pipeline.pulls.spec import Job
from smm_pipeline.pulls.windows import Mark, Page


def job_pages(job: Job, client: Client, names: Mapping[str, str], mark: Mark) -> Iterator[Page]:
    """The parts of the report of one window, each with the mark after it.

    The mark names the report from its order on, so that a later pull goes on with it; where it is gone by then, it is
    ordered anew. It is cleaned up once the caller has kept the last part.

    Raises:
        SmmError: SMM-311 when it is not done by the deadline, SMM-316 when the vendor fails to make it.
    """
    place = mark.place or {}
    number = str(place.get("job", ""))
    answer = _still_there(job, client, {**names, "job": number}) if number else None
    if answer is None:
        number, place = _ordered(job, client, names), {}
        yield Page(None, 0, replace(mark, place={"job": number, "done": 0}))
        answer = _awaited(job, client, {**names, "job": number})
        if _status(job, answer) in job.failed:
            # Another order of the same days may fail as well: the next pull may ask for fewer.
            yield Page(None, 0, replace(mark, place=None))
            what = f"the source did not make the report: {_status(job, answer)}"
            hint = "run again; if it comes again, ask for fewer days or fields"
            raise SmmError("SMM-316", what, where=answer.where, hint=hint)
    known = {**names, "job": number}
    clean = partial(client.call, job.clean, known, accept=any_text) if job.clean else None
    parts, done, over = _parts(job, answer), int(place.get("done", 0)), replace(mark, place=None, is_done=True)
    for count, part in enumerate(parts[done:], start=done + 1):
        body = _part(job, client, known, part)
        if count == len(parts):
            yield Page(body, 0, over, clean)
        else:
            yield Page(body, 0, replace(mark, place={"job": number, "done": count}))
    if done >= len(parts):
        yield Page(None, 0, over, clean)


def _ordered(job: Job, client: Client, names: Mapping[str, str]) -> str:
    """The number of a new report."""
    number = str(value_at(client.call(job.create, names).document, job.id_at) or "")
    if not number:
        what = f"the source takes the order and gives no number at {job.id_at}"
        raise SmmError("SMM-314", what, hint="look at id_at of the description")
    return number


def _awaited(job: Job, client: Client, names: Mapping[str, str]) -> Answer:
    """What is told of a report once it is done or has failed."""
    while True:
        answer = client.call(job.poll, names)
        if _status(job, answer) in (*job.done, *job.failed):
            return answer
        client.pause(job.wait_seconds)


def _still_there(job: Job, client: Client, names: Mapping[str, str]) -> Answer | None:
    """What is told of a report of an earlier pull once it is done; None where it is gone, or nothing came of it."""
    try:
        answer = _awaited(job, client, names)
    except SmmError as error:
        if error.code != "SMM-316":
            raise
        return None
    return answer if _status(job, answer) in job.done else None


def _status(job: Job, answer: Answer) -> str:
    return str(value_at(answer.document, job.status_at))


def _parts(job: Job, answer: Answer) -> list[dict[str, object]]:
    """The list of parts; a report without data says so with an empty one."""
    parts = value_at(answer.document, job.parts_at)
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        what = f"the report is done, and there is no list of its parts at {job.parts_at}"
        raise SmmError("SMM-314", what, where=answer.where, hint="look at parts_at of the description")
    return parts


def _part(job: Job, client: Client, names: Mapping[str, str], part: Mapping[str, object]) -> bytes:
    size = str(part.get(job.size, "")) if job.size else ""

    def whole(answer: Answer) -> Answer:
        # A connection that is closed ends a text of unknown length like any other.
        if size.isdecimal() and int(size) != len(answer.body):
            what = f"a part has {len(answer.body)} bytes of {size}"
            raise PassingError(SmmError("SMM-314", what, where=answer.where, hint="run again"))
        return any_text(answer)

    return client.call(job.part, {**names, "part": str(part.get(job.part_number, ""))}, accept=whole).body

"""Reports that a vendor makes to order, as Metrica's Logs API does.

Belongs here: ordering, asking until it is done, fetching the parts, and cleaning up. Does not belong here: pages that
are there at once (reading.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from smm_pipeline.errors import SmmError
from smm_pipeline.pulls.answers import Answer, PassingError, value_at
from smm_pipeline.pulls.client import Client, any_text
from smm_pipeline.pulls.spec import Job
from smm_pipeline.pulls.windows import Mark


def job_pages(job: Job, client: Client, names: Mapping[str, str], mark: Mark) -> Iterator[tuple[bytes, Mark]]:
    """The parts of the report of one window, each with the mark after it.

    The mark names the report, so that a later pull goes on with its parts; where it is gone by then, it is ordered
    anew. It is cleaned up only when the caller has kept the last part.

    Raises:
        SmmError: SMM-311 when it is not done by the deadline, SMM-316 when the vendor fails to make it.
    """
    place = mark.place or {}
    number = str(place.get("job", ""))
    parts = _finished(job, client, {**names, "job": number}, is_told=False) if number else None
    if parts is None:
        number, place = str(value_at(client.call(job.create, names).document, job.id_at) or ""), {}
        if not number:
            what = f"the source takes the order and gives no number at {job.id_at}"
            raise SmmError("SMM-314", what, hint="look at id_at of the description")
        parts = _finished(job, client, {**names, "job": number}) or []
    known = {**names, "job": number}
    for index in range(int(place.get("done", 0)), len(parts)):
        body = _part(job, client, known, parts[index])
        is_last = index + 1 == len(parts)
        yield body, replace(mark, place=None if is_last else {"job": number, "done": index + 1}, is_done=is_last)
    if job.clean is not None:
        client.call(job.clean, known, accept=any_text)


def _finished(
    job: Job, client: Client, names: Mapping[str, str], *, is_told: bool = True
) -> list[dict[str, object]] | None:
    """The parts of a report once it is done; None where it is gone and nobody is to be told."""
    while True:
        try:
            answer = client.call(job.poll, names)
        except SmmError as error:
            if is_told or error.code != "SMM-316":
                raise
            return None
        status = str(value_at(answer.document, job.status_at))
        if status in job.done:
            return _parts(job, answer)
        if status in job.failed:
            if not is_told:
                return None
            hint = "run again; if it comes again, ask for fewer days or fields"
            raise SmmError("SMM-316", f"the source did not make the report: {status}", where=answer.where, hint=hint)
        client.pause(job.wait_seconds)


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
        if size.isdigit() and int(size) != len(answer.body):
            what = f"a part has {len(answer.body)} bytes of {size}"
            raise PassingError(SmmError("SMM-314", what, where=answer.where, hint="run again"))
        return any_text(answer)

    return client.call(job.part, {**names, "part": str(part.get(job.part_number, ""))}, accept=whole).body

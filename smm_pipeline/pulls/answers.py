"""What an answer says: values at paths, and whether it is data, a failure, or a failure that passes.

Belongs here: judging one answer of a vendor, and the errors that tell of it. Does not belong here: making the call
(client.py) and which page comes next (paging.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.file_format import keys_of
from smm_pipeline.masking import without_persons
from smm_pipeline.pulls.spec import Errors

MESSAGE_CHARACTERS = 200
_HTML = ("text/html", "application/xhtml+xml")


class PassingError(Exception):
    """A failure that may be gone at the next try.

    Args:
        error: what is told when it is not.
        wait: seconds that the vendor asks to wait; None where it says nothing.
    """

    def __init__(self, error: SmmError, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error, self.wait = error, wait


class TokenRefusedError(Exception):
    """The vendor does not take the token."""

    def __init__(self, error: SmmError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True)
class Answer:
    """One answer, whole: `body` is unpacked, names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    where: str
    document: Any = field(default=None, compare=False)


def parsed(answer: Answer) -> Answer:
    """The answer with its JSON read.

    Raises:
        SmmError: SMM-314 for a web page; PassingError with the same code for JSON that ends too early.
    """
    refuse_web_page(answer)
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise PassingError(_bad("the answer is not JSON, or ends before its end", answer.where)) from None
    return Answer(answer.status, answer.headers, answer.body, answer.where, document)


def refuse_web_page(answer: Answer) -> None:
    """Refuse HTML, which a login page, a maintenance page or a proxy sends in place of data."""
    kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind in _HTML:
        status = f" (HTTP {answer.status})" if answer.status >= 400 else ""
        raise _bad(f"the answer is a web page, not data{status}", answer.where)


def judge(answer: Answer, errors: Errors | None, now: datetime) -> None:
    """Raise what an answer of failure means; do nothing when it is data.

    The vendor's own code goes before the status: some send every failure as 200, others an expired token as 400.

    Raises:
        SmmError: SMM-316 for a failure that neither waiting nor a new token mends.
        PassingError: with SMM-311 or SMM-313.
        TokenRefusedError: with SMM-312.
    """
    code, message = _told(answer, errors)
    wait = retry_after(answer.headers.get("retry-after"), now)
    words = " ".join(filter(None, [f"HTTP {answer.status}" if answer.status >= 400 else "", code, message])) or "?"
    if errors and code:
        if code in errors.token or (errors.token_pattern and re.search(errors.token_pattern, f"{code} {message}")):
            raise TokenRefusedError(_token_error(words, answer.where))
        if code in errors.quota:
            raise PassingError(_quota_error(words, answer.where), wait)
        if code in errors.again:
            raise PassingError(_silent(f"the source answers {words}", answer.where), wait)
    if answer.status == 403:
        # No vendor's answer to a token, but that of a firewall before it.
        refuse_web_page(answer)
    if answer.status in (401, 403):
        raise TokenRefusedError(_token_error(words, answer.where))
    if answer.status == 429:
        raise PassingError(_quota_error(words, answer.where), wait)
    if answer.status in (408, 425) or answer.status >= 500:
        raise PassingError(_silent(f"the source answers {words}", answer.where), wait)
    if answer.status >= 400 or (errors and code):
        hint = "correct what it names: the address, the account, a parameter; then run again"
        raise SmmError("SMM-316", f"the source answered with an error: {words}", where=answer.where, hint=hint)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait, out of the header Retry-After: a number of them, or a date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def value_at(document: Any, path: str) -> Any:
    """What stands at a path, or at the first of several that leads anywhere; numbers count places of a list from 0."""
    for alternative in path.split("|"):
        value = _walk(document, keys_of(alternative))
        if value is not None:
            return value
    return None


def records_in(document: Any, path: str) -> list[Any]:
    """The records of a page; an object stands for one record, as in a mapping."""
    found = value_at(document, path)
    return found if isinstance(found, list) else [] if found is None else [found]


def _walk(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if isinstance(value, list):
            value = value[int(key)] if key.isdigit() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _told(answer: Answer, errors: Errors | None) -> tuple[str, str]:
    """The vendor's code and message, without persons and of bounded length; empty where there is no failure.

    Data may have a field that is called like the code: without a message it is none.
    """
    document = answer.document
    if document is None and answer.status >= 400:
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
    if errors is None or document is None:
        return "", ""
    code, message = value_at(document, errors.code), value_at(document, errors.message or errors.code)
    if code in (None, "") or (answer.status < 400 and message in (None, "")):
        return "", ""
    told = without_persons(str(code))[:MESSAGE_CHARACTERS]
    return told, "" if message in (None, code) else without_persons(str(message))[:MESSAGE_CHARACTERS]


def _bad(what: str, where: str) -> SmmError:
    hint = "nothing of this page was kept; look at the address in base_url, then run again"
    return SmmError("SMM-314", what, where=where, hint=hint)


def _silent(what: str, where: str) -> SmmError:
    return SmmError("SMM-311", what, where=where, hint="run again later; it goes on after the last page that came")


def _quota_error(words: str, where: str) -> SmmError:
    what = f"the source's quota is used up: {words}"
    return SmmError("SMM-313", what, where=where, hint="the pages that came are kept; the next run goes on from there")


def _token_error(words: str, where: str) -> SmmError:
    hint = (
        "renew the token in the variable that token_env names, and see that it has the rights that the vendor's "
        "description names in its first lines (docs/vendors.md)"
    )
    return SmmError("SMM-312", f"the source does not take the token: {words}", where=where, hint=hint)

"""One call to a vendor's API, made until it is answered or the budget is spent.

Belongs here: quota, tries and waits, the deadline, allowed hosts, redirects, the token, and that no part of a body is
ever taken for the whole. Does not belong here: what an answer means (answers.py) and which call is next (reading.py).
httpx stands behind this one class: its errors and logs hold addresses, so neither gets out of here.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import httpx
import tenacity
from pyrate_limiter import InMemoryBucket, Rate, RateItem

from smm_pipeline.errors import SmmError
from smm_pipeline.pull_settings import Pull, is_this_machine
from smm_pipeline.pulls.answers import Answer, PassingError, TokenRefusedError, judge, parsed, refuse_web_page, value_at
from smm_pipeline.pulls.clock import Clock
from smm_pipeline.pulls.secrets import Secrets
from smm_pipeline.pulls.spec import PullSpec, Request, filled

TRIES = 6
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
SILENCE_SECONDS = 30.0
MOST_REDIRECTS = 3
MOST_BYTES = 256 << 20
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"User-Agent": "smm_pipeline", "Accept-Encoding": "gzip"}
Accept = Callable[[Answer], Answer]


class Client:
    """Calls of one feed.

    Args:
        feed: its name, for messages.
        spec: the description of the API.
        pull: the feed's settings.
        secrets: never written anywhere.
        clock: tells time and waits.
    """

    def __init__(self, feed: str, spec: PullSpec, pull: Pull, secrets: Secrets, clock: Clock) -> None:
        # At DEBUG and INFO both write addresses with their parameters, or headers.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._feed, self._spec, self._pull, self._secrets, self._clock = feed, spec, pull, secrets, clock
        self._base = pull.base_url or spec.base_url
        addresses = [self._base, spec.auth.url]
        self._hosts = {urlsplit(a).netloc for a in addresses if a} | set(spec.hosts)
        self._deadline = clock.monotonic() + pull.deadline_minutes * 60
        self._http = httpx.Client(headers=_HEADERS, follow_redirects=False)
        self._bucket = InMemoryBucket([Rate(spec.quota.requests, spec.quota.seconds * 1000)]) if spec.quota else None
        self._access_token = ""
        self._is_renewed = False

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(
        self,
        request: Request,
        names: Mapping[str, str],
        values: Mapping[str, Any] | None = None,
        *,
        link: str = "",
        accept: Accept | None = None,
    ) -> Answer:
        """The answer to a call, judged and whole.

        Args:
            request: the call.
            names: values of the names in braces.
            values: further parameters, of the query or of the body where the call has one.
            link: the whole address, where a vendor gave it.
            accept: a look at the answer that may raise PassingError; by default it must be JSON.

        Raises:
            SmmError: one of SMM-311 to SMM-317, when the answer is not to be had.
        """
        call = _with_values(filled(request.model_dump(), dict(names)), values or {})
        call["path"] = filled(request.path, {name: quote(value, safe="") for name, value in names.items()})
        address = self._base + call["path"]
        if link:
            address, call = _at_address(link, call)
        for attempt in self._tries():
            with attempt:
                return self._renewing(call, address, accept or parsed)
        raise AssertionError("tenacity ends with an answer or an error")

    def pause(self, seconds: float) -> None:
        """Wait, unless the deadline is over by then.

        Raises:
            SmmError: SMM-311 when it is.
        """
        if self._clock.monotonic() + seconds > self._deadline:
            raise self._late()
        self._clock.wait(seconds)

    def _tries(self) -> tenacity.Retrying:
        backoff = tenacity.wait_random_exponential(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.wait if isinstance(error, PassingError) else None
            # A vendor that names a time means it; several clients must not come back in the same moment.
            return backoff(state) if asked is None else asked + backoff(state) / LONGEST_WAIT_SECONDS

        def is_over(state: tenacity.RetryCallState) -> bool:
            ends = self._clock.monotonic() + state.upcoming_sleep
            return state.attempt_number >= TRIES or ends > self._deadline

        def give_up(state: tenacity.RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            raise error.error if isinstance(error, PassingError) else AssertionError(type(error))

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(PassingError),
            wait=wait,
            stop=is_over,
            sleep=self._clock.wait,
            retry_error_callback=give_up,
        )

    def _renewing(self, call: dict[str, Any], address: str, accept: Accept) -> Answer:
        """The answer; where the token is refused and can be renewed, the answer with a new one.

        One that is refused before it brought a single answer is not renewed again: it is not its age.
        """
        try:
            answer = self._judged(call, address, accept)
        except TokenRefusedError as refused:
            if self._spec.auth.kind != "refresh" or self._is_renewed:
                raise refused.error from None
            self._is_renewed, self._access_token = True, ""
            return self._renewing(call, address, accept)
        self._is_renewed = False
        return answer

    def _judged(self, call: dict[str, Any], address: str, accept: Accept) -> Answer:
        call, login = self._with_token(call)
        answer = self._send(call, address, login)
        judge(answer, self._spec.errors, self._clock.now())
        answer = accept(answer)
        judge(answer, self._spec.errors, self._clock.now())
        return answer

    def _with_token(self, call: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """The call with the token where the vendor wants it, and headers that only allowed hosts get."""
        auth, token = self._spec.auth, self._secrets.token
        match auth.kind:
            case "header":
                return call, {auth.name: auth.prefix + token}
            case "basic":
                return call, {"Authorization": f"Basic {self._secrets.basic}"}
            case "none":
                return call, {}
            case "refresh":
                self._access_token = self._access_token or self._renewed()
                return call, {"Authorization": f"Bearer {self._access_token}"}
            case kind:
                return {**call, kind: {**call[kind], auth.name: token}}, {}

    def _renewed(self) -> str:
        """A new access token; the long-lived one stands in the settings' variable."""
        auth, secrets = self._spec.auth, self._secrets
        known = {"token": secrets.token, "secret": secrets.secret, "client_id": self._pull.client_id}
        call = Request(method="POST", form=filled(auth.form, known)).model_dump()
        # Not masked yet: it holds what is asked for.
        answer = self._send(call, auth.url, {}, is_masked=False)
        refused = "the source does not renew the token"
        hint = f"grant access again and put the new token into {self._pull.token_env}"
        if 400 <= answer.status < 500 and answer.status not in (408, 429):
            raise SmmError("SMM-312", f"{refused}: HTTP {answer.status}", where=answer.where, hint=hint)
        judge(answer, None, self._clock.now())
        token = value_at(parsed(answer).document, auth.token_at)
        if not isinstance(token, str) or not token:
            raise SmmError("SMM-312", refused, where=answer.where, hint=hint)
        secrets.add(token)
        return token

    def _send(self, call: dict[str, Any], address: str, login: dict[str, str], *, is_masked: bool = True) -> Answer:
        """One call with its redirects; every address must be of an allowed host."""
        for _ in range(MOST_REDIRECTS + 1):
            self._check_host(address)
            self._await_quota()
            answer, target = self._exchange(call, address, login, is_masked)
            if not target:
                return answer
            if call["method"] != "GET":
                hint = "set base_url to the address that answers itself"
                raise SmmError("SMM-317", "a call that sends something is redirected", where=answer.where, hint=hint)
            address, call = _at_address(urljoin(address, target), call)
        raise SmmError("SMM-317", f"more than {MOST_REDIRECTS} redirects", where=answer.where)

    def _check_host(self, address: str) -> None:
        parts = urlsplit(address)
        is_plain = parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(parts.hostname or ""))
        if parts.netloc not in self._hosts or is_plain:
            # Without a login that may stand before it.
            host = parts.netloc.rpartition("@")[2]
            what = f"an address of the answer leads to {parts.scheme}://{host}, which is not allowed"
            hint = "if that is where the vendor answers now, set base_url to it"
            raise SmmError("SMM-317", what, where=self._feed, hint=hint)

    def _await_quota(self) -> None:
        while self._bucket is not None:
            item = RateItem(self._feed, int(self._clock.monotonic() * 1000))
            if self._bucket.put(item):
                return
            waiting = self._bucket.waiting(item)
            # One millisecond more: the edge of the span still counts.
            self.pause((waiting + 1) / 1000 if isinstance(waiting, int) else 1.0)

    def _exchange(
        self, call: dict[str, Any], address: str, login: dict[str, str], is_masked: bool
    ) -> tuple[Answer, str]:
        """One exchange on the wire: the answer, and where it redirects to."""
        parts = urlsplit(address)
        where = f"{self._feed}: {call['method']} {parts.hostname}{parts.path}"
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise self._late()
        try:
            with self._http.stream(
                call["method"],
                address,
                params=call["query"] or None,
                data=call["form"] or None,
                json=call["body"] or None,
                headers={**call["headers"], **login},
                timeout=min(SILENCE_SECONDS, left),
            ) as response:
                body = self._whole_body(response, where)
                headers = {name.lower(): value for name, value in response.headers.items()}
                status = response.status_code
        except httpx.TimeoutException:
            raise _passing("the source does not answer in time", where) from None
        except httpx.TransportError as error:
            raise _passing(f"the connection broke: {type(error).__name__}", where) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            what = f"the call cannot be made: {type(error).__name__}"
            raise SmmError("SMM-310", what, where=where, hint="look at base_url, account and parameters") from None
        target = headers.get("location", "") if status in _REDIRECTS else ""
        if is_masked:
            # A link to the next page may repeat the token, and becomes the place that a mark keeps.
            body = self._secrets.masked(body)
            headers = {name: self._secrets.masked_text(value) for name, value in headers.items()}
        return Answer(status, headers, body, where), target

    def _whole_body(self, response: httpx.Response, where: str) -> bytes:
        """The body, unpacked; httpx raises where it is shorter than announced, but not for gzip that ends early."""
        chunks, size = [], 0
        for chunk in response.iter_raw():
            size += len(chunk)
            if size > MOST_BYTES:
                raise _too_large(where)
            if self._clock.monotonic() > self._deadline:
                raise self._late()
            chunks.append(chunk)
        body = b"".join(chunks)
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("identity", ""):
            return body
        if encoding not in ("gzip", "x-gzip"):
            raise SmmError("SMM-314", f"the answer is packed as {encoding}, which was not asked for", where=where)
        reader = zlib.decompressobj(wbits=31)
        try:
            plain = reader.decompress(body, MOST_BYTES)
        except zlib.error:
            raise _passing("the gzip of the answer is damaged", where) from None
        if reader.unconsumed_tail:
            raise _too_large(where)
        if not reader.eof or reader.unused_data:
            raise _passing("the gzip of the answer does not end where its body does", where)
        return plain

    def _late(self) -> SmmError:
        what = f"the deadline is over: deadline_minutes = {self._pull.deadline_minutes}"
        hint = "the pages that came are kept, the next run goes on from there; deadline_minutes gives it longer"
        return SmmError("SMM-311", what, where=self._feed, hint=hint)


def any_text(answer: Answer) -> Answer:
    """Accept whatever is no web page."""
    refuse_web_page(answer)
    return answer


def _at_address(address: str, call: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A whole address without its query, and the call with that query in place of its own."""
    parts = urlsplit(address)
    query = parse_qs(parts.query, keep_blank_values=True)
    return parts._replace(query="", fragment="").geturl(), {**call, "query": query}


def _with_values(call: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The call with further parameters where it has its own: in its body, else in its form, else in the query."""
    where = "body" if call["body"] else "form" if call["form"] else "query"
    return {**call, where: {**call[where], **values}}


def _passing(what: str, where: str) -> PassingError:
    hint = "run again later; it goes on after the last page that came"
    return PassingError(SmmError("SMM-311", what, where=where, hint=hint))


def _too_large(where: str) -> SmmError:
    hint = "ask for less at a time: a smaller page, or fewer days"
    return SmmError("SMM-314", f"the answer has more than {MOST_BYTES:,} bytes", where=where, hint=hint)

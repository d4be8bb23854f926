"""One call to a vendor's API: tries, waits, whole bodies, hosts, tokens and quotas, on the loopback."""

from __future__ import annotations

import gzip
import logging
import traceback

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.pull_settings import Pull
from smm_pipeline.pulls.client import Client
from smm_pipeline.pulls.jobs import job_pages
from smm_pipeline.pulls.secrets import Secrets
from smm_pipeline.pulls.spec import Job, PullSpec
from smm_pipeline.pulls.windows import Mark, Page
from tests.api_server import Api, FakeClock, Reply

CANARY = "canary-token/4711"
DATA = Reply([{"id": 1}])
SPEC = {"auth": {"kind": "header"}, "request": {"path": "/orders"}}


def settings(**given: object) -> Pull:
    """A feed's pull, its token in a variable called T."""
    return Pull.model_validate({"token_env": "T", **given})


def call(api: Api, clock: FakeClock | None = None, *, minutes: int = 20, **spec: object) -> bytes:
    """The body of one call."""
    made = PullSpec.model_validate({**SPEC, **spec})
    pull = settings(base_url=api.url, deadline_minutes=minutes, client_id="app")
    assert made.request is not None
    with Client("orders", made, pull, Secrets(CANARY, "second-secret"), clock or FakeClock(tick=0.01)) as client:
        return client.call(made.request, {}).body


def refused(api: Api, clock: FakeClock | None = None, **given: object) -> SmmError:
    """The error of one call, which gives no secret away, not in its traceback either."""
    with pytest.raises(SmmError) as caught:
        call(api, clock, **given)  # type: ignore[arg-type] # keys of call and of the description
    told = "".join(traceback.format_exception(caught.value))
    assert not [secret for secret in ("canary", "second-secret") if secret in told]
    return caught.value


@pytest.mark.parametrize(
    ("bad", "waits"),
    [
        (Reply({}, 429, {"Retry-After": "7"}), (7.0, 8.0)),
        (Reply({}, 429, {"Retry-After": "Tue, 10 Mar 2026 06:00:31 GMT"}), (28.0, 31.1)),
        (Reply(b"<html>down</html>", 503, {"Content-Type": "text/html"}), (0.0, 60.0)),
        (Reply({}, 500), (0.0, 60.0)),
        (Reply(reset=True), (0.0, 60.0)),
        (Reply([{"id": 1}] * 9, cut=20), (0.0, 60.0)),
        (Reply([{"id": 1}] * 9, cut=20, headers={"Content-Length": ""}), (0.0, 60.0)),
        (Reply(b"4\r\n[1,2\r\n", headers={"Content-Length": "", "Transfer-Encoding": "chunked"}), (0.0, 60.0)),
        (Reply(gzip.compress(b"[1]" * 99)[:-9], headers={"Content-Encoding": "gzip"}), (0.0, 60.0)),
        (Reply(b"no gzip at all", headers={"Content-Encoding": "gzip"}), (0.0, 60.0)),
    ],
    ids=["429 s", "429 date", "503", "500", "reset", "short body", "cut JSON", "cut chunks", "cut gzip", "bad gzip"],
)
def test_what_passes_is_tried_again_after_a_wait(api: Api, bad: Reply, waits: tuple[float, float]) -> None:
    api.script(bad, DATA)
    clock = FakeClock(tick=0.01)
    assert call(api, clock) == b'[{"id": 1}]'
    assert len(api.calls) == 2
    assert waits[0] <= clock.waits[0] <= waits[1]


def test_silence_is_broken_off_and_tried_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server holds the line without a word; the time-out of the wire is the one that no clock of ours rules."""
    monkeypatch.setattr("smm_pipeline.pulls.client.SILENCE_SECONDS", 0.05)
    api.script(Reply(silent=True), DATA)
    assert (call(api), len(api.calls)) == (DATA.body, 2)


def test_the_budget_of_tries_ends(api: Api) -> None:
    """Six tries with growing waits, then what the last one said."""
    clock = FakeClock(tick=0.01)
    api.script(Reply({}, 502))
    assert refused(api, clock).code == "SMM-311"
    assert (len(api.calls), len(clock.waits)) == (6, 5)


def test_a_wait_beyond_the_deadline_is_not_begun(api: Api) -> None:
    """A quota for the day: the pull ends at once and says so."""
    clock = FakeClock(tick=0.01)
    api.script(Reply({}, 429, {"Retry-After": "86400"}))
    error = refused(api, clock)
    assert (error.code, len(api.calls), clock.waits) == ("SMM-313", 1, [])
    assert "the next run goes on from there" in error.hint


def test_a_slow_drip_ends_at_the_deadline(api: Api) -> None:
    """Byte by byte no read ever times out; here the third look at the clock, with the first bytes, is too late."""
    api.script(Reply([{"id": 1}] * 200, drip=True))
    error = refused(api, FakeClock(tick=31), minutes=1)
    assert (error.code, "deadline_minutes = 1" in error.what) == ("SMM-311", True)


@pytest.mark.parametrize(
    ("reply", "code", "told"),
    [
        (Reply(b"<html>login</html>", headers={"Content-Type": "text/html; charset=utf-8"}), "SMM-314", "web page"),
        (Reply(b"x", headers={"Content-Encoding": "br"}), "SMM-314", "packed as br"),
        (Reply(b"<html>", 403, {"Content-Type": "text/html"}), "SMM-314", "web page, not data (HTTP 403)"),
        (Reply({}, 302, {"Location": "https://evil.example/take?x=1"}), "SMM-317", "https://evil.example"),
        (Reply({}, 302, {"Location": "https://a:b@127.0.0.1:9/take"}), "SMM-317", "https://127.0.0.1:9, which"),
        (Reply({}, 302, {"Location": "/orders"}), "SMM-317", "more than 3 redirects"),
        (Reply({"code": "no_route", "message": "nobody a@b.example here"}, 404), "SMM-316", "HTTP 404 no_route nobody"),
        (Reply({}, 401), "SMM-312", "does not take the token"),
        (Reply({}, 403), "SMM-312", "does not take the token"),
        (Reply({"code": 190, "message": f"expired {CANARY}"}, 400), "SMM-312", "190 expired (token)"),
        (Reply({"code": "oops", "message": "as 200"}), "SMM-316", "oops as 200"),
    ],
    ids=[
        "html",
        "brotli",
        "firewall",
        "other host",
        "other port",
        "circle",
        "404",
        "401",
        "403",
        "code before status",
        "failure as 200",
    ],
)
def test_what_stays_wrong_is_told_at_once(api: Api, reply: Reply, code: str, told: str) -> None:
    api.script(reply)
    error = refused(api, errors={"code": "$.code", "message": "$.message", "token": 190})
    assert error.code == code
    assert told in error.what
    assert "a@b.example" not in str(error)
    assert "renew the token" in error.hint or code != "SMM-312"


def test_data_with_a_code_and_no_message_is_data(api: Api) -> None:
    reply = Reply({"code": "UA", "message": None, "rows": []})
    api.script(reply)
    assert call(api, errors={"code": "$.code", "message": "$.message"}) == reply.body
    api.script(Reply({"code": "quota"}, 400))
    assert refused(api, errors={"code": "$.code", "message": "$.message", "quota": "quota"}).code == "SMM-313"


def test_a_redirect_on_the_same_host_is_followed_with_its_own_query(api: Api) -> None:
    api.script(Reply({}, 307, {"Location": "/v2/orders?since=5"}), DATA)
    assert call(api, request={"path": "/orders", "query": {"since": "4"}}) == DATA.body
    assert [(c.path, c.query) for c in api.calls] == [("/orders", {"since": "4"}), ("/v2/orders", {"since": "5"})]


def test_tokens_stand_where_the_vendor_wants_them(api: Api) -> None:
    api.script(DATA)
    call(api, auth={"kind": "header", "name": "X-Key", "prefix": "Key "})
    call(api, auth={"kind": "basic"})
    call(api, auth={"kind": "query", "name": "token"})
    call(api, auth={"kind": "form", "name": "token"}, request={"method": "POST", "path": "/x", "form": {"a": "b"}})
    header, basic, query, form = api.calls
    assert header.headers["x-key"] == f"Key {CANARY}"
    assert basic.headers["authorization"] == "Basic Y2FuYXJ5LXRva2VuLzQ3MTE6c2Vjb25kLXNlY3JldA=="
    assert (query.query, form.form) == ({"token": CANARY}, {"a": "b", "token": CANARY})


def test_a_token_that_is_renewed_is_renewed_once(api: Api) -> None:
    """Refused, renewed, taken; refused again, it is time for a person."""
    auth = {
        "kind": "refresh",
        "url": f"{api.url}/token",
        "form": {"refresh_token": "{token}", "client_id": "{client_id}", "client_secret": "{secret}"},
    }
    api.script(Reply({"access_token": "short-1"}), Reply({}, 401), Reply({"access_token": "short-2"}), DATA)
    assert call(api, auth=auth) == DATA.body
    assert api.calls[0].form == {"refresh_token": CANARY, "client_id": "app", "client_secret": "second-secret"}
    assert [c.headers.get("authorization") for c in api.calls if c.path == "/orders"] == [
        "Bearer short-1",
        "Bearer short-2",
    ]
    api.script(*[Reply({"access_token": "short-3"}), Reply({}, 401)] * 2, Reply({}, 500))
    assert (refused(api, auth=auth).code, len(api.calls)) == ("SMM-312", 4)
    api.script(Reply({"error": "invalid_grant"}, 400))
    error = refused(api, auth=auth)
    assert (error.code, "put the new token into T" in error.hint) == ("SMM-312", True)


def test_an_access_token_that_expires_again_is_renewed_again(api: Api) -> None:
    """A pull may outlast two of them: between their ends there were good answers, so nobody need grant anything."""
    auth = {"kind": "refresh", "url": f"{api.url}/token", "form": {"refresh_token": "{token}"}}
    spec = PullSpec.model_validate({**SPEC, "auth": auth})
    assert spec.request is not None
    expired = [Reply({}, 401), Reply({"access_token": "short-later"}), DATA]
    api.script(Reply({"access_token": "short-first"}), DATA, *expired, *expired)
    with Client("orders", spec, settings(base_url=api.url), Secrets(CANARY), FakeClock(tick=0.01)) as client:
        assert [client.call(spec.request, {}).body for _ in range(3)] == [DATA.body] * 3
    assert [call.path for call in api.calls].count("/token") == 3


def test_calls_keep_to_the_quota(api: Api) -> None:
    """Two calls in ten seconds: the third and the fifth wait, by the client's own clock."""
    clock = FakeClock(tick=0.0)
    api.script(DATA)
    spec = PullSpec.model_validate({**SPEC, "quota": {"requests": 2, "seconds": 10}})
    assert spec.request is not None
    with Client("orders", spec, settings(base_url=api.url), Secrets(CANARY), clock) as client:
        for _ in range(5):
            client.call(spec.request, {})
    assert clock.waits == [pytest.approx(10.0, abs=0.01), pytest.approx(10.0, abs=0.01)]


def test_logs_of_the_libraries_hold_no_address(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api.script(DATA)
    call(api, auth={"kind": "query", "name": "token"})
    assert not [r for r in caplog.records if r.name.startswith(("httpx", "httpcore"))]


JOB = Job.model_validate(
    {
        "create": {"path": "/new"},
        "id_at": "$.id",
        "poll": {"path": "/{job}"},
        "part": {"path": "/{job}/{part}"},
        "status_at": "$.status",
        "done": "ready",
        "failed": "lost",
        "parts_at": "$.parts",
        "size": "bytes",
    }
)


def parts(api: Api) -> list[Page]:
    """The parts of a report."""
    spec = PullSpec.model_validate({**SPEC, "request": None, "job": JOB, "window": {"kind": "days"}})
    with Client("visits", spec, settings(base_url=api.url), Secrets(CANARY), FakeClock(tick=0.01)) as client:
        return [page for page in job_pages(JOB, client, {}, Mark("s", "2026-03-10T06:00:00")) if page.body is not None]


def test_a_part_of_another_length_than_announced_is_no_part(api: Api) -> None:
    """Where the vendor says exactly how long a part is, a shorter one is fetched again."""
    listed = {"id": 7, "status": "ready", "parts": [{"part_number": 1, "bytes": 6}]}
    text = {"Content-Type": "text/plain"}
    api.script(Reply({"id": 7}), Reply(listed), Reply(b"a\tb", headers=text), Reply(b"a\tb\nc\n", headers=text))
    [page] = parts(api)
    assert (page.body, page.mark.is_done, [call.path for call in api.calls]) == (
        b"a\tb\nc\n",
        True,
        ["/new", "/7", "/7/1", "/7/1"],
    )


@pytest.mark.parametrize(("listed", "told"), [(None, "no list of its parts at $.parts"), (["x"], "no list"), ([], "")])
def test_a_report_whose_parts_are_not_found_is_no_empty_one(api: Api, listed: object, told: str) -> None:
    api.script(Reply({"id": 7}), Reply({"id": 7, "status": "ready", "parts": listed}))
    if not told:
        assert parts(api) == []
        return
    with pytest.raises(SmmError) as caught:
        parts(api)
    assert (caught.value.code, told in caught.value.what) == ("SMM-314", True)

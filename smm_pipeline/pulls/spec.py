"""The description of a vendor's API: what is asked, how pages follow each other, and what an error looks like.

Belongs here: the typed form of smm_pipeline/pulls/vendors/<vendor>.yml and of a shop's own description. docs/pulls.md
is the reference for users. Does not belong here: reading the file (sources.py) and any call (client.py, reading.py).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smm_pipeline.pull_settings import ApiAddress
from smm_pipeline.setting_types import TimeZone, shaped

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
Values = dict[str, Any]


def _as_texts(value: Any) -> Any:
    """Codes as texts, one or several of them."""
    values = value if isinstance(value, list | tuple) else (value,)
    return tuple(str(v) for v in values)


def _as_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"expected a regular expression: {error}") from error
    return value


Codes = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]
Pattern = Annotated[str, AfterValidator(_as_pattern)]
# The raw store knows a page, and when it was pulled, by its whole name.
Suffix = Annotated[str, shaped(r"\.[a-z]+", "a point and small letters, such as .json")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Auth(_Part):
    """How a call says who calls.

    `refresh` sends the long-lived token of the settings to `url` and uses what stands at `token_at` of the answer as a
    bearer token; it is renewed when the vendor refuses it.
    """

    kind: Literal["header", "query", "form", "basic", "refresh", "none"] = Field(
        description="header, query, form, basic, refresh, or none where anybody may ask"
    )
    name: str = Field("Authorization", description="Header or parameter that carries the token")
    prefix: str = Field("", description="What stands before the token, e.g. 'Bearer '")
    url: ApiAddress = Field("", description="refresh: where the token is renewed")
    form: dict[str, str] = Field(
        {}, description="refresh: fields of that call; {token}, {secret}, {client_id} are known"
    )
    token_at: str = Field("$.access_token", description="refresh: where the new token stands")

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        if (self.kind == "refresh") != bool(self.url):
            raise ValueError("expected url with kind: refresh, and with no other kind")
        if names_in(self.form) - {"token", "secret", "client_id"}:
            raise ValueError("expected no other names in form than {token}, {secret} and {client_id}")
        return self


class Quota(_Part):
    """At most so many calls in so many seconds."""

    requests: int = Field(ge=1, description="calls")
    seconds: int = Field(ge=1, description="in so many seconds")


class Request(_Part):
    """One call. Values may hold names in braces: {account}, those of window, job and each, and parameters."""

    method: Literal["GET", "POST"] = "GET"
    path: str = Field("", description="below base_url")
    query: Values = {}
    form: Values = {}
    body: Values = Field({}, description="sent as JSON")
    headers: dict[str, str] = {}

    @model_validator(mode="after")
    def _has_one_body(self) -> Request:
        if (self.form or self.body) and self.method == "GET":
            raise ValueError("expected method: POST where form or body is given")
        if self.form and self.body:
            raise ValueError("expected form or body, not both")
        return self


class Pages(_Part):
    """How one page leads to the next.

    `number` and `offset` count pages or records, `cursor` takes the next place out of the answer, `link` out of the
    header Link, `last` out of the last record.
    """

    kind: Literal["one", "number", "offset", "cursor", "link", "last"] = Field(
        description="one, number, offset, cursor, link or last"
    )
    parameter: str = Field("", description="Parameter of the call that takes the place")
    first: int | str | None = Field(None, description="Its value at the first page; none for cursors")
    size: int | None = Field(None, ge=1, description="Records of a full page: a shorter one is the last")
    overlap: int = Field(0, ge=0, description="offset: records read again, where pages shift while they are read")
    at: str = Field("", description="cursor: where it stands in the answer; last: in the record")
    more_at: str = Field("", description="What must stand in the answer when there is a next page")
    count_header: str = Field("", description="number: header with the number of pages")
    total_at: str = Field("", description="offset: where the answer counts all records; pages before it may be short")
    time_at: str = Field("", description="offset: time in a record; pages end where all are older than the window")
    keep: bool = Field(False, description="The place is kept between pulls, as with sequence numbers")

    @model_validator(mode="after")
    def _complete(self) -> Pages:
        needs = {"one": (), "link": (), "number": ("parameter",), "offset": ("parameter", "size")}
        for key in needs.get(self.kind, ("parameter", "at")):
            if not getattr(self, key):
                raise ValueError(f"expected {key} with kind: {self.kind}")
        # What no page would ever be held against is a mistake.
        read_by = {"count_header": "number", "more_at": "cursor"}
        read_by |= dict.fromkeys(("overlap", "total_at", "time_at"), "offset")
        for key, kind in read_by.items():
            if getattr(self, key) and self.kind != kind:
                raise ValueError(f"expected kind: {kind} with {key}")
        if self.kind in ("number", "offset") and isinstance(self.first, str):
            raise ValueError(f"expected a whole number as first with kind: {self.kind}")
        if self.kind == "number" and not (self.size or self.count_header):
            raise ValueError("expected size or count_header with kind: number")
        if self.overlap and (self.size is None or self.overlap >= self.size):
            raise ValueError("expected overlap below size")
        if self.keep and self.kind not in ("cursor", "last"):
            raise ValueError("expected kind: cursor or last with keep: true")
        return self

    @property
    def start(self) -> int | str | None:
        """The place of the first page."""
        if self.first is None and self.kind in ("number", "offset"):
            return 1 if self.kind == "number" else 0
        return self.first


class Window(_Part):
    """What span of time a pull asks for.

    `changes`: everything changed since the last pull began. `days`: whole days up to the newest that can be had, the
    last of them again because the vendor restates them.
    """

    kind: Literal["changes", "days"] = Field(description="changes or days")
    format: Literal["iso", "iso_utc", "date", "compact_date", "unix_s"] = Field(
        "iso", description="How times are written"
    )
    first_days: int = Field(90, ge=1, description="How far back the first pull goes, unless first_day says it")
    overlap_minutes: int = Field(10, ge=0, description="changes: asked for again, for clocks and open transactions")
    lag_days: int = Field(1, ge=0, description="days: the newest that can be had; 1 is yesterday")
    restated_days: int = Field(0, ge=0, description="days: so many of the last are read again")
    slice_days: int = Field(31, ge=1, description="days: at most so many in one call")
    zone: TimeZone | None = Field(None, description="Zone of the days; default: the feed's")


class Errors(_Part):
    """What an answer of failure says and which of its codes mean what; an answer without both is none."""

    code: str = Field(description="a path such as $.error.code")
    message: str = Field("", description="a path such as $.error.message")
    token: Codes = Field((), description="Codes of a token that is expired or lacks a right")
    token_pattern: Pattern = Field("", description="Regular expression of such messages, where codes do not tell")
    quota: Codes = Field((), description="Codes of a quota that is used up")
    again: Codes = Field((), description="Codes after which the call is made again")


class Job(_Part):
    """A report that the vendor makes in its own time: order it, ask until it is done, fetch its parts, clean up."""

    create: Request
    id_at: str
    poll: Request
    status_at: str
    done: Codes
    failed: Codes
    wait_seconds: int = Field(20, ge=1, description="between two questions")
    parts_at: str = Field(description="where the list of parts stands in the answer to poll")
    part_number: str = Field("part_number", description="field of a part with its number")
    size: str = Field("", description="field of a part with its length in bytes, where that is exact")
    part: Request
    clean: Request | None = None

    @model_validator(mode="after")
    def _knows_its_names_in_turn(self) -> Job:
        early = names_in(self.create.model_dump()) & {"job", "part"}
        others = [self.poll, *([self.clean] if self.clean else [])]
        if early or any("part" in names_in(call.model_dump()) for call in others):
            raise ValueError("expected {job} after create alone, and {part} in part alone")
        return self


class Each(_Part):
    """Calls about posts that other feeds have brought, instead of pages that lead to each other; knows {ids}."""

    posts_of: str = Field(min_length=1, description="network; the community is the feed's constants.community_id")
    newest: int = Field(ge=1, description="so many of its newest posts")
    at_once: int = Field(1, ge=1, description="posts in one call, joined by commas")
    noted: dict[str, str] = Field({}, description="fields put into an answer that does not say what was asked")


class PullSpec(_Part):
    """One description."""

    base_url: ApiAddress = Field("", description="Address that all customers share; else the feed's settings give it")
    hosts: tuple[str, ...] = Field((), description="Further hosts that links and redirects may lead to")
    auth: Auth
    quota: Quota | None = None
    request: Request | None = Field(None, description="The call of a page")
    job: Job | None = Field(None, description="Or a report made to order")
    format: Literal["json", "text"] = "json"
    suffix: Suffix = Field(".json", description="Ending of the files that pages become")
    records_at: str = Field("$", description="Where the records are, as in the mapping; alternatives with |")
    pages: Pages = Pages(kind="one")
    each: Each | None = Field(None, description="Posts that the request is made for, some at a time")
    total: str = Field("", description="Where the number of all records stands: a path, or `header NAME`")
    window: Window | None = None
    errors: Errors | None = None
    defaults: dict[str, str] = Field({}, description="Values of names in braces that the feed's parameters may replace")

    @model_validator(mode="after")
    def _one_way(self) -> PullSpec:
        if (self.request is None) == (self.job is None):
            raise ValueError("expected exactly one of request and job")
        if self.job is not None and (self.window is None or self.window.kind != "days"):
            raise ValueError("expected window with kind: days beside job")
        if self.each and (self.job or self.window or self.total or self.pages.kind != "one" or self.format != "json"):
            raise ValueError("expected request and no job, window, pages, total and format beside each")
        if self.auth.kind == "form" and any(call.method == "GET" or call.body for call in self.requests):
            raise ValueError("expected method: POST and no body beside auth with kind: form")
        if self.pages.time_at and self.window is None:
            raise ValueError("expected window beside pages.time_at")
        if self.format == "text" and (self.job is None or self.pages.kind != "one"):
            raise ValueError("expected job where format is text, and pages with kind: one")
        return self

    @property
    def requests(self) -> tuple[Request, ...]:
        """Every call that the description makes."""
        job = self.job
        calls = (job.create, job.poll, job.part, job.clean) if job else (self.request,)
        return tuple(call for call in calls if call is not None)


def filled(value: Any, names: dict[str, str]) -> Any:
    """A value of a call with the names in braces replaced.

    Raises:
        KeyError: with the first name that nothing gives a value.
    """
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda match: names[match[1]], value)
    if isinstance(value, dict):
        return {key: filled(inner, names) for key, inner in value.items()}
    return [filled(inner, names) for inner in value] if isinstance(value, list) else value


def names_in(value: Any) -> set[str]:
    """Names in braces that a value needs."""
    if isinstance(value, str):
        return set(PLACEHOLDER.findall(value))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(names_in, inner))

"""A feed's API as it is read: the description, held against the feed's settings.

Belongs here: finding and reading a description, and refusing what is wrong in it or missing in the settings before any
call. Does not belong here: what a description may say (spec.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import mapping_text
from smm_pipeline.pull_settings import Pull
from smm_pipeline.pulls.spec import PullSpec, names_in
from smm_pipeline.pulls.windows import Span
from smm_pipeline.settings import Settings

VENDORS = Path(__file__).parent / "vendors"
_OF_WINDOW = {"changes": {"since", "until"}, "days": {"since", "until", "end"}}
_OF_JOB = {"job", "part"}
_OF_SETTINGS = ("account", "client_id")
_HINT = "see docs/pulls.md"


@dataclass(frozen=True)
class Source:
    """One feed's API.

    `names` are the values of names in braces that do not change from page to page; `fingerprint` changes with what the
    shop asks for, and a mark of another one is none. `community_id` is whose posts are asked for, where posts are.
    """

    feed: str
    pull: Pull
    spec: PullSpec
    address: str
    names: dict[str, str]
    span: Span
    fingerprint: str
    community_id: str


def pull_vendors() -> list[str]:
    """Names that a pull's vendor setting may take."""
    return sorted(path.stem for path in VENDORS.glob("*.yml"))


def load_source(feed: str, pull: Pull, settings: Settings) -> Source:
    """Read and check the description of a feed's API.

    Raises:
        SmmError: SMM-310 when there is none, it is wrong, or the settings lack what it needs.
    """
    declared = settings.feeds[feed]
    where = f"feeds.{feed}.pull"
    vendor = pull.vendor or declared.vendor
    path = settings.home / pull.description if pull.description else VENDORS / f"{vendor}.yml"
    if pull.description and pull.vendor:
        raise SmmError("SMM-310", "expected vendor or description, not both", where=where, hint=_HINT)
    if not pull.description and vendor not in pull_vendors():
        close = get_close_matches(vendor, pull_vendors(), n=1)
        told = f"; did you mean {close[0]}?" if close else ""
        hint = f"known are: {', '.join(pull_vendors())}; or describe the API in a file of your own: description ="
        raise SmmError("SMM-310", f"no API is described for {vendor!r}{told}", where=where, hint=hint)
    spec = parse_spec(path)
    community_id = declared.constants.get("community_id", "")
    _check(spec, pull, where, community_id)
    names = {**spec.defaults, **pull.parameters, "account": pull.account, "client_id": pull.client_id}
    zone = ZoneInfo((spec.window and spec.window.zone) or declared.time_zone or settings.shop.time_zone)
    address = pull.base_url or spec.base_url
    # What a shop sets, and what marks are made of; a newer version of its description goes on where it was.
    asked = (pull.description or vendor, pull.base_url, pull.account, sorted(pull.parameters.items()), pull.first_day)
    shape = (str(zone), spec.pages.kind, spec.pages.parameter, spec.window and spec.window.kind, spec.job is not None)
    fingerprint = hashlib.sha256(repr((asked, shape)).encode()).hexdigest()[:16]
    span = Span(spec.window, spec.pages, zone, pull.first_day)
    return Source(feed, pull, spec, address, names, span, fingerprint, community_id)


def parse_spec(path: Path) -> PullSpec:
    """Read a description.

    Raises:
        SmmError: SMM-310 naming every wrong key.
    """
    try:
        values = mapping_text.load(path.read_text(encoding="utf-8"))
        return PullSpec.model_validate(values)
    except ValidationError as error:
        what = mapping_text.explain(error, PullSpec, values)
    except FileNotFoundError:
        what = "the description of the API is missing"
    except OSError as error:
        what = f"the description of the API cannot be opened: {error.strerror}"
    except yaml.YAMLError as error:
        what = f"not valid YAML: {error}"
    except ValueError as error:
        what = str(error)
    raise SmmError("SMM-310", what, where=str(path), hint=_HINT)


def _check(spec: PullSpec, pull: Pull, where: str, community_id: str) -> None:
    """Refuse settings that lack what the description needs, or give what nothing reads."""
    needed = set().union(*(names_in(request.model_dump()) for request in spec.requests))
    needed |= names_in(spec.each.noted) if spec.each else set()
    of_auth = names_in(spec.auth.form)
    of_calls = _OF_WINDOW[spec.window.kind] if spec.window else set()
    of_calls = of_calls | (_OF_JOB if spec.job else set()) | ({"ids"} if spec.each else set())
    problems = [f"{name} is needed" for name in _OF_SETTINGS if name in needed | of_auth and not getattr(pull, name)]
    free = needed - of_calls - {*_OF_SETTINGS}
    problems += [
        f"parameters.{name} is needed" for name in sorted(free - spec.defaults.keys() - pull.parameters.keys())
    ]
    for name in sorted(pull.parameters.keys() - free):
        close = get_close_matches(name, free, n=1)
        problems.append(f"parameters.{name}: nothing reads it" + (f"; did you mean {close[0]}?" if close else ""))
    if not (pull.base_url or spec.base_url):
        problems.append("base_url is needed")
    if spec.each and not community_id:
        problems.append("constants.community_id of the feed is needed: it says whose posts are asked for")
    if spec.auth.kind != "none" and not pull.token_env:
        problems.append("token_env is needed: the name of the environment variable that holds the token or key")
    if (spec.auth.kind == "basic" or "secret" in of_auth) and not pull.secret_env:
        problems.append("secret_env is needed: the vendor takes a key and its secret")
    if problems:
        raise SmmError("SMM-310", "; ".join(problems), where=where, hint=_HINT)

"""Settings and descriptions of pulls that are wrong: the key, the place and what was expected, before any call."""

from __future__ import annotations

from pathlib import Path

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.pulls import pull_fault
from smm_pipeline.settings import load_settings
from tests.api_server import Api
from tests.pulled_shop import VARIABLES, PulledShop

GOOD = "auth: {kind: header}\nrequest: {path: /days}\n"
ORDERED = """
auth: {{kind: header}}
window: {{kind: days}}
job:
  create: {{path: "{create}"}}
  poll: {{path: "{poll}"}}
  part: {{path: "/{{job}}/{{part}}"}}
  id_at: $.id
  status_at: $.status
  done: ready
  failed: lost
  parts_at: $.parts
"""
RENEWED = "request: {path: /days}\nauth: {kind: refresh, url: https://shop.example/token, "


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("described", "pull", "code", "told"),
    [
        (GOOD, "", "", ""),
        ("", 'vendor = "shopify_order"', "SMM-310", "is described for 'shopify_order'; did you mean shopify_orders"),
        ("", 'vendor = "youscan"', "SMM-310", "account is needed"),
        (GOOD, 'parameters = { metrcs = "x" }', "SMM-310", "parameters.metrcs: nothing reads it"),
        (GOOD.replace("/days", '"/{section}"'), "", "SMM-310", "parameters.section is needed"),
        (GOOD + "page: {kind: one}\n", "", "SMM-310", "page: is not a key here; did you mean pages?"),
        (GOOD + "pages: {kind: nubmer}\n", "", "SMM-310", "pages.kind = 'nubmer'"),
        (GOOD + "pages: {kind: offset, parameter: o}\n", "", "SMM-310", "expected size with kind: offset"),
        (GOOD + "pages: {kind: link, keep: true}\n", "", "SMM-310", "expected kind: cursor or last with keep: true"),
        (GOOD + "window: {kind: weeks}\n", "", "SMM-310", "window.kind = 'weeks'"),
        ("auth: {kind: refresh}\nrequest: {}\n", "", "SMM-310", "expected url with kind: refresh"),
        ("auth: {kind: form}\nrequest: {form: {a: b}}\n", "", "SMM-310", "expected method: POST"),
        ("auth: {kind: header}\n", "", "SMM-310", "expected exactly one of request and job"),
        (GOOD + "each: {posts_of: vk, newest: 9}\n", "", "SMM-310", "constants.community_id of the feed is needed"),
        (GOOD + "each: {newest: 9}\n", "", "SMM-310", "each.posts_of: is required"),
        (GOOD + "each: {posts_of: vk, newest: 9}\npages: {kind: link}\n", "", "SMM-310", "beside each"),
        ("auth: [\n", "", "SMM-310", "not valid YAML"),
        ("", 'vendor = "youscan"\nparameters = { account = "5" }', "SMM-310", "account is needed; parameters.account:"),
        ("", 'vendor = "gsc_api"\naccount = "x"', "SMM-310", "client_id is needed"),
        (GOOD + "pages: {kind: offset, parameter: o, size: 9, time_at: $.t}\n", "", "SMM-310", "expected window"),
        (GOOD + "pages: {kind: link, more_at: $.more}\n", "", "SMM-310", "expected kind: cursor with more_at"),
        (GOOD + "pages: {kind: number, parameter: p, size: 5, first: a}\n", "", "SMM-310", "a whole number as first"),
        (GOOD + 'errors: {code: $.c, token_pattern: "("}\n', "", "SMM-310", "expected a regular expression"),
        (GOOD.replace("header", "form"), "", "SMM-310", "expected method: POST and no body beside auth"),
        (ORDERED.format(create="/{job}", poll="/x"), "", "SMM-310", "expected {job} after create alone"),
        (ORDERED.format(create="/x", poll="/{part}"), "", "SMM-310", "and {part} in part alone"),
        (ORDERED.format(create="/x", poll="/{job}"), "", "", ""),
        (GOOD + "format: text\n", "", "SMM-310", "expected job where format is text"),
        (GOOD + "suffix: json\n", "", "SMM-310", "suffix = 'json': expected a point and small letters"),
        (RENEWED + 'form: {t: "{token}", s: "{secrte}"}}\n', "", "SMM-310", "names in form than {token}, {secret}"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(described: str, pull: str, code: str, told: str, tmp_path: Path, api: Api) -> None:
    shop = PulledShop(tmp_path, api, described=described, pull=pull)
    fault = pull_fault(load_settings(shop.home), "feed")
    assert (fault.code if fault else "") == code
    assert told in str(fault or "")
    assert not api.calls


def test_a_second_secret_is_needed_where_a_token_is_renewed_with_it(tmp_path: Path, api: Api) -> None:
    shop = PulledShop(tmp_path, api, described=RENEWED + 'form: {t: "{token}", s: "{secret}"}}\n')
    assert pull_fault(load_settings(shop.home), "feed") is None
    config = shop.home / "smm.toml"
    config.write_text(config.read_text(encoding="utf-8").replace("secret_env =", "#"), encoding="utf-8")
    fault = pull_fault(load_settings(shop.home), "feed")
    assert fault is not None
    assert fault.what == "secret_env is needed: the vendor takes a key and its secret"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('token_env = "API_TOKEN"', 'token_env = "shpat_51f0aa"', "expected the name of an environment variable"),
        ('token_env = "API_TOKEN"', 'tokenenv = "API_TOKEN"', "did you mean token_env?"),
        ("http://127.0.0.1", "http://shop.example", "expected an address that begins with https://"),
        ("http://127.0.0.1", "https://user:secret@shop.example", "without login and query"),
        ('base_url = "http://127.0.0.1', 'base_url = "https://shop.example/?token=secret', "without login and query"),
        ("[shop]", 'landing_url = "s3://key:secret@bucket"\n[shop]', "logins stand in the environment"),
    ],
)
def test_settings_are_refused_without_repeating_a_token(
    old: str, new: str, told: str, tmp_path: Path, api: Api
) -> None:
    config = PulledShop(tmp_path, api, described=GOOD).home / "smm.toml"
    config.write_text(config.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(SmmError) as caught:
        load_settings(tmp_path)
    assert (caught.value.code, told in str(caught.value)) == ("SMM-102", True), caught.value
    assert not [secret for secret in ("shpat_", "secret") if secret in str(caught.value)]


def test_a_token_is_needed_unless_anybody_may_ask(tmp_path: Path, api: Api) -> None:
    config = PulledShop(tmp_path, api, described=GOOD).home / "smm.toml"
    config.write_text(config.read_text(encoding="utf-8").replace("token_env =", "#"), encoding="utf-8")
    fault = pull_fault(load_settings(tmp_path), "feed")
    assert fault is not None
    told = "token_env is needed: the name of the environment variable that holds the token or key"
    assert (fault.code, fault.what, fault.where) == ("SMM-310", told, "feeds.feed.pull")
    (tmp_path / "api.yml").write_text("auth: {kind: none}\nrequest: {path: /days}\n", encoding="utf-8")
    assert pull_fault(load_settings(tmp_path), "feed") is None


@pytest.mark.parametrize("value", ["", "zwerg", "grün-und-lang-genug"])
def test_a_token_that_can_be_none_is_named_by_its_variable(
    value: str, tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", value)
    fault = pull_fault(load_settings(PulledShop(tmp_path, api, described=GOOD).home), "feed")
    assert (fault and fault.code, fault and fault.where) == ("SMM-103", "feeds.feed.pull.token_env")
    assert not value or value not in str(fault)

"""`smm pull`, `smm ingest --no-pull` and `smm status` with a source that fails: words, exit code, JSON, no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.api_server import Api, Reply
from tests.commands import smm
from tests.pulled_shop import VARIABLES, PulledShop

DESCRIBED = "auth: {kind: query, name: key}\nrequest: {path: /days}\npages: {kind: link}\n"


def test_what_commands_say_of_a_pull(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    shop = PulledShop(tmp_path, api, described=DESCRIBED)
    api.script(Reply({}, 500))
    quiet = smm(shop.home, "ingest", "--no-pull")
    assert (quiet.returncode, "no new deliveries" in quiet.stdout, api.calls) == (0, True, [])
    link = {"Link": f'<{api.url}/days?page=2>; rel="next"'}
    api.script(Reply([{"id": 1, "country": "UA"}], headers=link), Reply({}, 401))
    failed = smm(shop.home, "--json", "pull", "feed")
    assert failed.returncode == 3, failed.stderr
    [pull] = json.loads(failed.stdout)["pulls"]
    assert (pull["feed"], pull["pages"], pull["records"], pull["error"]["code"]) == ("feed", 1, 1, "SMM-312")
    told = smm(shop.home, "status").stdout
    assert "pull of feed: last tried " in told
    assert "ended early: SMM-312: the source does not take the token: HTTP 401" in told
    api.script(Reply([{"id": 2, "country": "UA"}]))
    again = smm(shop.home, "pull")
    assert (again.returncode, "pulled feed: 1 page, 1 record" in again.stdout) == (0, True), again.stderr
    assert shop.rows("select count(*) from raw.calendar_day") == [(2,)]
    said = b"".join(ran.stdout.encode() + ran.stderr.encode() for ran in (quiet, failed, again))
    assert b"canary" not in said + shop.written()


@pytest.mark.parametrize("fault", ["contry: country", "country: contry", "country: day('x'::blob)"])
def test_a_wrong_mapping_is_told_once_by_every_command_that_pulls(
    fault: str, tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked of the source, as nobody could read the answer; that is no good end."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    shop = PulledShop(tmp_path, api, described=DESCRIBED)
    mapping = shop.home / "pulled_days.yml"
    mapping.write_text(mapping.read_text(encoding="utf-8").replace("country: country", fault), encoding="utf-8")
    for command in ("pull", "ingest", "pull", "ingest"):
        ran = smm(shop.home, command)
        assert (ran.returncode, (ran.stdout + ran.stderr).count("SMM-204"), api.calls) == (3, 1, []), ran.stdout
        shop.deliver("feed", "days.json", '[{"id": 1, "country": "UA"}]')

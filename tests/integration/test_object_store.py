"""Deliveries out of an object store: listed, copied whole, known again, with the rules of landing/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]  # it ships no types
import pytest
from fsspec.implementations.memory import MemoryFile  # type: ignore[import-untyped]  # it ships no types

from smm_pipeline.cli.examine import doctor
from smm_pipeline.ingest import DeliveryResult, unseen_files
from smm_pipeline.ingest.landing import store_stream
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.outcomes import open_refusals
from tests.commands import smm
from tests.ingest_fixture import Instance

DAYS = "select day(calendar_date), country from raw.calendar_day where _is_current order by all"


@pytest.fixture
def store() -> Any:
    """A bucket in memory, empty."""
    made = fsspec.filesystem("memory")
    if made.exists("/bucket"):
        made.rm("/bucket", recursive=True)
    made.mkdir("/bucket/in")
    return made


@pytest.fixture
def shop(tmp_path: Path) -> Instance:
    return shop_with(tmp_path, "memory://bucket/in")


def shop_with(home: Path, url: str) -> Instance:
    made = Instance(home, {"days": 'mapping = "pulled_days.yml"'})
    config = home / "smm.toml"
    config.write_text(f'landing_url = "{url}"\n{config.read_text(encoding="utf-8")}', encoding="utf-8")
    return made


def put(store: Any, name: str, country: str, day: int = 1) -> None:
    store.pipe(f"/bucket/in/days/{name}", f'[{{"id": {day}, "country": "{country}"}}]'.encode())


def outcomes(results: list[DeliveryResult]) -> list[tuple[str, str]]:
    return [(r.file_path, r.error.code if r.error else r.status) for r in results]


def test_objects_are_loaded_once_and_again_when_they_change(store: Any, shop: Instance) -> None:
    """Hidden and unfinished ones are left alone; files of landing/ are read as well."""
    put(store, "2026/a.json", "UA")
    for name in (".hidden/b.json", "c.json.part", "2026/.d.json"):
        put(store, name, "XX", 9)
    store.pipe("/bucket/in/other/e.json", b"[]")
    shop.deliver("days", "f.json", '[{"id": 2, "country": "PL"}]')
    assert sorted(outcomes(shop.ingest())) == [("f.json", "loaded"), ("objects/2026/a.json", "loaded")]
    assert shop.rows(DAYS) == [(1, "UA"), (2, "PL")]
    assert (outcomes(shop.ingest()), unseen(shop)) == ([], [])
    put(store, "2026/a.json", "RO")
    assert unseen(shop) == ["objects/2026/a.json"]
    assert outcomes(shop.ingest()) == [("objects/2026/a.json", "loaded")]
    assert shop.rows(DAYS) == [(1, "RO"), (2, "PL")]
    raw = sorted(p.read_bytes() for p in (shop.home / "raw" / "days").glob("??/*"))
    assert b'[{"id": 1, "country": "RO"}]' in raw
    assert len(raw) == 3


def test_a_folder_of_landing_that_is_called_objects_is_no_store(store: Any, shop: Instance) -> None:
    """Its file and the object of that very name are two deliveries, each looked at once."""
    put(store, "a.json", "UA")
    shop.deliver("days", "objects/a.json", '[{"id": 2, "country": "PL"}]')
    assert sorted(outcomes(shop.ingest())) == [("./objects/a.json", "loaded"), ("objects/a.json", "loaded")]
    assert shop.rows(DAYS) == [(1, "UA"), (2, "PL")]
    assert (outcomes(shop.ingest()), unseen(shop)) == ([], [])
    store.rm("/bucket/in/days/a.json")
    assert outcomes(shop.ingest()) == []
    assert shop.rows("select file_path from meta.landing_file") == [("./objects/a.json",)]


def test_a_folder_of_landing_that_is_called_objects_needs_no_store(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"days": 'mapping = "pulled_days.yml"'})
    page = "pulled/20260301T100000.000000Z-00001.json"
    for number, name in enumerate(("objects/a.json", page), start=1):
        shop.deliver("days", name, f'[{{"id": {number}, "country": "UA"}}]', mtime=1_772_400_000 + number)
    assert outcomes(shop.ingest()) == [("./objects/a.json", "loaded"), (f"./{page}", "loaded")]
    assert (outcomes(shop.ingest()), unseen(shop)) == ([], [])


def unseen(shop: Instance) -> list[str]:
    """What waits, by its name below the feed."""
    settings = load_settings(shop.home)
    with connect(settings) as con:
        return [path.relative_to(settings.landing / "days").as_posix() for path in unseen_files(con, settings)]


def test_a_lost_work_database_comes_back_without_the_store(store: Any, shop: Instance) -> None:
    put(store, "a.json", "UA")
    shop.ingest()
    store.rm("/bucket/in/days/a.json")
    (shop.home / "warehouse.duckdb").unlink()
    assert outcomes(shop.ingest()) == [("objects/a.json", "loaded")]
    assert shop.rows(DAYS) == [(1, "UA")]


def test_an_object_that_changes_while_it_is_read_is_taken_the_next_time(
    store: Any, shop: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one of which fewer bytes come than the store announced."""
    put(store, "a.json", "UA")

    def changing(reader: Any, *arguments: Any) -> str | None:
        put(store, "a.json", "ROMANIA")
        return store_stream(reader, *arguments)

    monkeypatch.setattr("smm_pipeline.ingest.objects.store_stream", changing)
    assert outcomes(shop.ingest()) == []
    monkeypatch.setattr("smm_pipeline.ingest.objects.store_stream", store_stream)
    assert outcomes(shop.ingest()) == [("objects/a.json", "loaded")]
    assert shop.rows(DAYS) == [(1, "ROMANIA")]


def test_a_store_that_breaks_off_leaves_nothing_half(
    store: Any, shop: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "a.json", "UA")

    def broken(*_: object) -> bytes:
        raise ConnectionResetError("https://signed.example/a.json?signature=secret")

    monkeypatch.setattr(MemoryFile, "read", broken)
    [result] = shop.ingest()
    assert outcomes([result]) == [("objects/", "SMM-211")]
    assert "ConnectionResetError" in str(result.error)
    assert "signature" not in str(result.error)
    assert not list((shop.home / "raw" / "days").iterdir())
    monkeypatch.undo()
    assert outcomes(shop.ingest()) == [("objects/a.json", "loaded")]


def test_an_object_that_may_not_be_read_stops_no_other(
    store: Any, shop: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "a.json", "UA")
    put(store, "b.json", "PL", 2)
    read = MemoryFile.read

    def closed(file: MemoryFile, *arguments: Any) -> Any:
        if file.path.endswith("a.json"):
            raise PermissionError("https://signed.example/a.json?signature=secret")
        return read(file, *arguments)

    monkeypatch.setattr(MemoryFile, "read", closed)
    results = shop.ingest()
    assert sorted(outcomes(results)) == [("objects/a.json", "SMM-209"), ("objects/b.json", "loaded")]
    [told] = [r.error for r in results if r.error]
    assert (told.where, "signature" in str(told)) == ("memory://bucket/in/days/a.json", False)


@pytest.mark.parametrize("error", [ConnectionResetError, UnicodeError])
def test_a_store_that_fails_at_the_last_look_is_told(
    error: type[Exception], store: Any, shop: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its bytes came an object is looked at once more. Errors of a store may derive from ValueError."""
    put(store, "a.json", "UA")

    def lost(*_: object, **__: object) -> Any:
        raise error("https://signed.example/a.json?signature=secret")

    def losing(reader: Any, *arguments: Any) -> str | None:
        monkeypatch.setattr(type(store), "info", lost)
        return store_stream(reader, *arguments)

    monkeypatch.setattr("smm_pipeline.ingest.objects.store_stream", losing)
    [result] = shop.ingest()
    assert outcomes([result]) == [("objects/", "SMM-211")]
    assert (error.__name__ in str(result.error), "signature" in str(result.error)) == (True, False)


def test_a_broken_object_is_told_as_a_broken_file_is(store: Any, shop: Instance) -> None:
    store.pipe("/bucket/in/days/a.json", b"[{")
    put(store, "b.json", "UA")
    assert sorted(outcomes(shop.ingest())) == [("objects/a.json", "SMM-201"), ("objects/b.json", "loaded")]
    assert outcomes(shop.ingest()) == []
    assert refused(shop) == ["objects/a.json"]
    store.rm("/bucket/in/days/a.json")
    shop.ingest()
    assert refused(shop) == []


def test_a_place_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    """For all feeds together; an empty one is no news."""
    place = tmp_path / "exports"
    shop = shop_with(tmp_path / "home", place.as_uri())
    with (shop.home / "smm.toml").open("a", encoding="utf-8") as config:
        config.write('\n[feeds.more]\nmapping = "pulled_days.yml"\n')
    lost = smm(shop.home, "ingest")
    assert lost.returncode == 3
    assert (
        f"refused days/objects/, more/objects/:\nSMM-211: the place does not exist\n  where: {place.as_uri()}"
        in lost.stdout
    )
    assert lost.stdout.count("SMM-211") == 1
    place.mkdir()
    empty = smm(shop.home, "ingest")
    assert (empty.returncode, "no new deliveries" in empty.stdout) == (0, True)


def refused(shop: Instance) -> list[str]:
    """Refused deliveries that still lie where they were found."""
    settings = load_settings(shop.home)
    with connect(settings) as con:
        return [delivery.file for delivery in open_refusals(con, settings.landing)]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3://bucket/in", "Install s3fs"),
        ("memory://bucket/on", "the place does not exist"),
        ("memory://bucket/in", ""),
    ],
    ids=["no package", "no such place", "empty"],
)
@pytest.mark.usefixtures("store")
def test_a_store_that_cannot_be_read_stops_nothing_else(url: str, told: str, tmp_path: Path) -> None:
    """Nor does one that is not there; an empty one is no mistake."""
    shop = shop_with(tmp_path, url)
    shop.deliver("days", "f.json", '[{"id": 2, "country": "PL"}]')
    expected = [("f.json", "loaded")] + ([("objects/", "SMM-211")] if told else [])
    results = shop.ingest()
    assert sorted(outcomes(results)) == expected
    assert told in " ".join(str(r.error) for r in results)
    assert unseen(shop) == []
    [finding] = [f for f in doctor(shop.home) if f.subject == "object store"]
    assert (finding.status, told in finding.message) == ("problem" if told else "ok", True)


@pytest.mark.usefixtures("store")
def test_a_feed_that_comes_out_of_a_store_needs_no_folder(shop: Instance) -> None:
    [finding] = [f for f in doctor(shop.home) if f.subject == "feed days"]
    assert (finding.status, finding.message) == ("ok", "comes out of the object store")

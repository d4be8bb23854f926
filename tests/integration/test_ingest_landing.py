"""What of landing/ is taken up: whole regular files, whatever their names; anything else is left or told."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from smm_pipeline.ingest import RECORDS, Counts
from tests.commands import smm
from tests.ingest_fixture import Instance

GOOD_LINE = '{"community": "good", "day": "2026-03-01", "followers": 1}\n'


def test_a_file_that_may_not_be_opened_stops_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is the test's own, because root, whom CI runs as, may open everything."""
    system_open = os.open

    def refusing(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if str(path).endswith("closed.jsonl"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return system_open(path, flags, *rest, **more)

    shop = Instance(tmp_path, {"bad": 'mapping = "followers_jsonl.yml"', "good": 'mapping = "followers_jsonl.yml"'})
    shop.deliver("bad", "closed.jsonl", GOOD_LINE)
    shop.deliver("bad", "open.jsonl", GOOD_LINE)
    shop.deliver("good", "x.jsonl", GOOD_LINE)
    monkeypatch.setattr(os, "open", refusing)
    results = {(r.feed, r.file_path): r for r in shop.ingest()}
    assert results["bad", "open.jsonl"].status == results["good", "x.jsonl"].status == "loaded"
    closed = results["bad", "closed.jsonl"]
    assert closed.error is not None
    assert closed.error.code == "SMM-209"


@pytest.mark.parametrize(
    ("error", "looks"),
    [
        (PermissionError, 1),  # its folder may be listed but not entered
        (FileNotFoundError, 2),  # it was renamed while it was copied
    ],
)
def test_a_file_that_vanishes_or_is_locked_away_stops_nothing_else(
    error: type[OSError], looks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is the test's own: at the first or at the second look."""
    system_lstat, seen = Path.lstat, []

    def refusing(path: Path) -> os.stat_result:
        if path.name == "gone.jsonl":
            seen.append(path)
            if len(seen) == looks:
                raise error(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return system_lstat(path)

    shop = Instance(tmp_path, {"good": 'mapping = "followers_jsonl.yml"'})
    shop.deliver("good", "gone.jsonl", GOOD_LINE.replace("good", "gone"))
    shop.deliver("good", "x.jsonl", GOOD_LINE)
    monkeypatch.setattr(Path, "lstat", refusing)
    assert [(r.file_path, r.status) for r in shop.ingest()] == [("x.jsonl", "loaded")]
    assert len(seen) >= looks
    monkeypatch.undo()
    assert [(r.file_path, r.status) for r in shop.ingest()] == [("gone.jsonl", "loaded")]


def test_a_name_that_holds_no_time_stops_no_other_file(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"good": "mapping = \"followers_jsonl.yml\"\nextracted_at = '_(?P<ts>[0-9]{8})'"})
    shop.deliver("good", "x_20261399.jsonl", GOOD_LINE)
    shop.deliver("good", "x_20260301.jsonl", GOOD_LINE.replace("good", "b"))
    results = {r.file_path: r for r in shop.ingest()}
    assert results["x_20260301.jsonl"].status == "loaded"
    odd = results["x_20261399.jsonl"]
    assert odd.error is not None
    assert "20261399" in odd.error.what
    assert shop.rows("select file_path, error_code from meta.delivery where status = 'failed'") == [
        ("x_20261399.jsonl", "SMM-102")
    ]
    assert shop.ingest() == []


@pytest.mark.parametrize("text", ["202603011530", "1704205800", "20260301153", "2026-3-1"])
def test_a_time_in_a_name_is_never_guessed(tmp_path: Path, text: str) -> None:
    """Without seconds, since 1970, a digit short, without zeros: read somehow, the file would count as old."""
    shop = Instance(tmp_path, {"good": "mapping = \"followers_jsonl.yml\"\nextracted_at = '_(?P<ts>[0-9-]+)'"})
    shop.deliver("good", f"x_{text}.jsonl", GOOD_LINE)
    shop.deliver("good", "x_20260301153000.jsonl", GOOD_LINE.replace("good", "b"))
    results = {r.file_path: r for r in shop.ingest()}
    error = results[f"x_{text}.jsonl"].error
    assert error is not None
    assert (error.code, repr(text) in error.what, "such as 20260301T153000Z" in error.hint) == ("SMM-102", True, True)
    assert shop.rows("select _version_ts::varchar from raw.community_day") == [("2026-03-01 15:30:00+00",)]


def test_hidden_and_unfinished_files_are_left_alone(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"good": 'mapping = "followers_jsonl.yml"'})
    for name in (".hidden.jsonl", "half.jsonl.part", "half.jsonl.tmp"):
        shop.deliver("good", name, GOOD_LINE)
    assert shop.ingest() == []


def test_links_and_pipes_are_told_and_never_opened(tmp_path: Path) -> None:
    """A link may lead out of landing/, a pipe without a writer would wait for ever; a second name is a duplicate."""
    shop = Instance(tmp_path, {"good": 'mapping = "followers_jsonl.yml"'})
    outside = tmp_path / "outside.jsonl"
    outside.write_text(GOOD_LINE, encoding="utf-8")
    folder = shop.deliver("good", "good.jsonl", GOOD_LINE).parent
    (folder / "link.jsonl").symlink_to(outside)
    (folder / "folder").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "second.jsonl").hardlink_to(folder / "good.jsonl")
    results = {r.file_path: (r.status, r.error and r.error.what) for r in shop.ingest()}
    assert results == {
        "folder": ("failed", "it is a link, and no file"),
        "good.jsonl": ("loaded", None),
        "link.jsonl": ("failed", "it is a link, and no file"),
        "pipe.jsonl": ("failed", "it is a pipe, a socket or a device, and no file"),
        "second.jsonl": ("duplicate", None),
    }


@pytest.mark.parametrize("files", ["*/*.jsonl", "*/**/*", "**/*", "link/*", "*/in/*"])
def test_what_lies_behind_a_linked_folder_is_not_taken(tmp_path: Path, files: str) -> None:
    """Globs that name folders step into links; the link is told once, and nothing below it."""
    shop = Instance(tmp_path, {"good": f'mapping = "followers_jsonl.yml"\nfiles = "{files}"'})
    shop.deliver("good", "2026/in/own.jsonl", GOOD_LINE)
    outside = tmp_path / "outside"
    (outside / "in").mkdir(parents=True)
    for name in ("a.jsonl", "b.jsonl", "in/c.jsonl"):
        (outside / name).write_text(GOOD_LINE.replace("good", "bad"), encoding="utf-8")
    (tmp_path / "landing" / "good" / "link").symlink_to(outside, target_is_directory=True)
    told = [(r.file_path, r.error.what) for r in shop.ingest() if r.error]
    assert told == [("link", "it is a link, and no file")]
    assert ("bad",) not in shop.rows("select community_id from raw.community_day")


def test_a_file_that_grows_is_left_until_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer is slower than the reader: it writes its second line while ingest waits to see whether it will."""
    shop = Instance(tmp_path, {"good": 'mapping = "followers_jsonl.yml"'})
    monkeypatch.setenv("SMM_LANDING_SETTLE_SECONDS", "9")
    growing = shop.deliver("good", "growing.jsonl", GOOD_LINE)
    shop.deliver("good", "whole.jsonl", GOOD_LINE.replace("good", "whole"))
    shop.deliver("good", "old.jsonl", GOOD_LINE.replace("good", "old"), mtime=1e9)
    waits: list[float] = []

    def write_on(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            growing.write_text(GOOD_LINE + GOOD_LINE.replace("good", "later"), encoding="utf-8")

    monkeypatch.setattr(time, "sleep", write_on)
    assert sorted(r.file_path for r in shop.ingest()) == ["old.jsonl", "whole.jsonl"]
    [whole] = shop.ingest()
    assert whole.counts[RECORDS] == Counts(2, 2)
    assert [0 < seconds <= 9 for seconds in waits] == [True, True]


def test_an_empty_file_may_be_meant(tmp_path: Path) -> None:
    """Of a feed that says so it is a delivery without records, which also shows that the feed is alive."""
    source = 'mapping = "followers_jsonl.yml"'
    shop = Instance(tmp_path, {"strict": source, "quiet": f"{source}\naccept_empty = true"})
    for feed in ("strict", "quiet"):
        shop.deliver(feed, "empty.jsonl", "")
    strict, quiet = shop.ingest()
    assert (strict.status, strict.error and strict.error.code) == ("failed", "SMM-201")
    assert (quiet.status, quiet.counts[RECORDS]) == ("loaded", Counts())
    assert shop.rows("select feed, status, record_count from meta.delivery order by feed") == [
        ("quiet", "loaded", 0),
        ("strict", "failed", None),
    ]


def test_hostile_file_names_are_only_names(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"good": 'mapping = "followers_jsonl.yml"'})
    names = ["a'; drop table x; --.jsonl", "[star]*?.jsonl", "new\nline.jsonl", "-rf.jsonl", "\u202efdp.jsonl"]
    for n, name in enumerate(names):
        shop.deliver("good", name, GOOD_LINE.replace("good", f"c{n}"))
    assert [r.status for r in shop.ingest()] == ["loaded"] * len(names)


def test_a_name_as_long_as_a_name_may_be_is_only_a_name(tmp_path: Path) -> None:
    """255 bytes: no file of ours has it in its name with anything added. What is wrong in it is told by it."""
    shop = Instance(tmp_path, {"good": 'mapping = "followers_jsonl.yml"'})
    long, letters = "a" * 249 + ".jsonl", "\u0457" * 124 + "x.jsonl"
    assert [len(os.fsencode(name)) for name in (long, letters)] == [255, 255]
    shop.deliver("good", long, GOOD_LINE)
    shop.deliver("good", letters, "{broken\n")
    ran = smm(shop.home, "ingest")
    assert (ran.returncode, ran.stderr) == (3, "")
    assert f"no record of good/{letters} was loaded whole" in ran.stdout
    assert shop.rows("select file_path, status from meta.delivery order by all") == [
        (long, "loaded"),
        (letters, "loaded"),
    ]
    assert f"good/{letters} line 1" in smm(shop.home, "rejects", "list").stdout
    assert smm(shop.home, "ingest").stdout == "no new deliveries\n"


def test_a_name_that_is_no_text_is_shown_as_its_bytes(tmp_path: Path) -> None:
    """Of a file, of its folder, of one that is empty and of a link: no output in UTF-8 takes such a name as it is."""
    shop = Instance(tmp_path, {"good": 'mapping = "followers_jsonl.yml"'})
    for name, content in (
        (b"a\xff\xfe.jsonl", GOOD_LINE),
        (b"in\xff/a.jsonl", GOOD_LINE.replace("good", "b")),
        (b"empty\xff.jsonl", ""),
        (b"rejects\xff.jsonl", "{broken\n"),
    ):
        folder = shop.deliver("good", os.fsdecode(name), content).parent
    (folder / os.fsdecode(b"link\xff.jsonl")).symlink_to(tmp_path / "smm.toml")
    ran = smm(shop.home, "ingest", PYTHONUTF8="1", PYTHONIOENCODING="utf-8:strict")
    assert (ran.returncode, ran.stderr) == (3, "")
    assert "no record of good/rejects\\xff.jsonl was loaded whole" in ran.stdout
    assert "refused good/empty\\xff.jsonl:\nSMM-201: the file is empty\n  where: empty\\xff.jsonl\n" in ran.stdout
    assert f"SMM-209: it is a link, and no file\n  where: {folder}/link\\xff.jsonl\n" in ran.stdout
    assert shop.rows("select file_path, status from meta.delivery order by all") == [
        ("a\\xff\\xfe.jsonl", "loaded"),
        ("empty\\xff.jsonl", "failed"),
        ("in\\xff/a.jsonl", "loaded"),
        ("rejects\\xff.jsonl", "loaded"),
    ]
    assert smm(shop.home, "rejects", "list").stdout.split("  ")[1].startswith("good/rejects\\xff.jsonl line 1")
    assert [result.file_path for result in shop.ingest()] == ["link\\xff.jsonl"]

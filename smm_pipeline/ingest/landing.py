"""From the landing folder to the raw store.

Belongs here: which files are deliveries, their identity (SHA-256 of the bytes), their extraction time, and the copy
into the raw store before anything parses them. Does not belong here: what is inside.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from smm_pipeline.errors import SmmError, one_line
from smm_pipeline.settings import Feed
from smm_pipeline.warehouse.delivery_schema import OBJECTS_FOLDER, PULLED_FOLDER

CHUNK_BYTES = 1 << 20
RANGE_BYTES = 4 << 20
# Bytes that are written to the disk at a time while more are copied.
WRITTEN_BYTES = 64 << 20
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload")
_TIME_PATTERNS = ("%Y%m%dT%H%M%SZ", "%Y-%m-%dT%H:%M:%SZ", "%Y%m%dT%H%M%S", "%Y%m%d%H%M%S", "%Y-%m-%d", "%Y%m%d")


def landing_files(folder: Path, feed: Feed) -> Iterator[tuple[Path, os.stat_result]]:
    """Regular, finished files of a feed in name order; hidden and temporary files are left alone."""
    return ((path, info) for path, info in _finished(folder, feed) if stat.S_ISREG(info.st_mode))


def strange_files(folder: Path, feed: Feed) -> Iterator[Path]:
    """Links, pipes and devices where a feed's files are: they are never opened, only told."""
    known = (stat.S_IFREG, stat.S_IFDIR)
    return (path for path, info in _finished(folder, feed) if stat.S_IFMT(info.st_mode) not in known)


def _finished(folder: Path, feed: Feed) -> Iterator[tuple[Path, os.stat_result]]:
    if not folder.is_dir():
        return
    links: dict[Path, Path | None] = {folder: None}
    told = set[Path]()
    for found in sorted(folder.glob(feed.files)):
        if is_left_alone(found.relative_to(folder).parts):
            continue
        # A glob that names folders steps into linked ones.
        path = _first_link(found.parent, links) or found
        if path in told:
            continue
        told.add(path)
        try:
            info = path.lstat()
        except (FileNotFoundError, PermissionError):
            # Taken away since the folder was listed, or in a folder that closed_folders() tells of.
            continue
        yield path, info


def _first_link(folder: Path, known: dict[Path, Path | None]) -> Path | None:
    """The topmost link among a folder and those above it, up to one that is known; they are looked at once."""
    if folder not in known:
        known[folder] = _first_link(folder.parent, known) or (folder if folder.is_symlink() else None)
    return known[folder]


def is_left_alone(parts: Sequence[str]) -> bool:
    """Whether a path below a feed's folder is hidden, or that of a file which is still being written."""
    return any(part.startswith(".") for part in parts) or parts[-1].lower().endswith(_UNFINISHED)


def closed_folders(folder: Path) -> list[Path]:
    """Folders of a feed, its own among them, that may not be looked into; to a search for files they are empty."""
    closed = []
    for parent, names, _ in os.walk(folder):
        names[:] = [name for name in sorted(names) if not name.startswith(".")]
        inner = [path for name in names if not (path := Path(parent, name)).is_symlink()]
        closed += [path for path in inner if not os.access(path, os.R_OK | os.X_OK)]
    own = [folder] if os.path.lexists(folder) and not os.access(folder, os.R_OK | os.X_OK) else []
    return own + closed


def may_not_be_opened(path: Path, reason: str) -> SmmError:
    """SMM-209 of a file or a folder in landing/."""
    hint = "give the user who runs smm the right to read it; the other files go on"
    if reason == os.strerror(errno.ENOENT):
        hint = "name a file that is there"
    return SmmError("SMM-209", f"it cannot be opened: {reason}", where=str(path), hint=hint)


def not_a_file(path: Path) -> SmmError:
    """SMM-209 of something in landing/ that is no regular file."""
    kind = "a link" if path.is_symlink() else "a pipe, a socket or a device"
    hint = "put the file itself there; links are not followed, because they may lead anywhere"
    return SmmError("SMM-209", f"it is {kind}, and no file", where=str(path), hint=hint)


def display_name(path: Path, folder: Path) -> str:
    """The file's path below its folder as text that every table and terminal can hold, in one line.

    A folder that has the name of where objects or pulled pages are is marked, so that its files are taken for none.
    """
    name = one_line(os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace"))
    return f"./{name}" if name.startswith((OBJECTS_FOLDER, PULLED_FOLDER)) else name


def raw_path(store: Path, feed: str, delivery_id: str) -> Path:
    """Where a delivery's bytes are kept."""
    return store / feed / delivery_id[:2] / delivery_id


def store_raw(source: Path, store: Path, feed: str, seen: os.stat_result) -> str | None:
    """Copy a file byte for byte into the raw store, durably, and return its SHA-256.

    Returns None when the file changed or went while it was read: it is being written and is taken at the next run.

    Raises:
        SmmError: SMM-106 when the disk is full, SMM-209 when the file may not be read.
    """
    reader = _open(source)
    if reader is None:
        return None
    return store_stream(reader, store, feed, lambda _: _is_unchanged(source, seen))


def store_stream(
    reader: BinaryIO | io.RawIOBase, store: Path, feed: str, is_whole: Callable[[int], bool]
) -> str | None:
    """Copy what a reader gives into the raw store, durably, and return its SHA-256.

    Returns None, and keeps nothing, when `is_whole` says no; it is asked at the end, with the number of bytes.

    Raises:
        SmmError: SMM-106 when the disk is full.
    """
    with reader, _incoming(store, feed) as (temporary, target):
        digest = _copy(reader, target)
        if not is_whole(target.tell()):
            return None
        _settle(temporary, target, raw_path(store, feed, digest))
    return digest


def keep_bytes(store: Path, feed: str, delivery_id: str, body: bytes) -> None:
    """Put bytes that are at hand into the raw store, durably; `delivery_id` is their SHA-256.

    Raises:
        SmmError: SMM-106 when the disk is full.
    """
    with _incoming(store, feed) as (temporary, target):
        target.write(body)
        _settle(temporary, target, raw_path(store, feed, delivery_id))


def declared_time(file_path: str, feed: Feed) -> datetime | None:
    """When the vendor made the delivery, as its file name says; None where there is no pattern or it finds nothing.

    Raises:
        SmmError: SMM-102 when the pattern finds something that is not a time.
    """
    match = re.search(feed.extracted_at, file_path) if feed.extracted_at else None
    if match is None:
        return None
    text = match.groupdict().get("ts") or ""
    for pattern in _TIME_PATTERNS:
        try:
            found = datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
        # strptime takes 202603011530 for three minutes past, and seconds since 1970 for a day of the year 1704.
        if found.strftime(pattern) == text:
            return found
    hint = "correct extracted_at of the feed, or the name of the file: a time such as 20260301T153000Z or 2026-03-01"
    raise SmmError(
        "SMM-102", f"extracted_at found {text!r} in the name, which is not a time", where=file_path, hint=hint
    )


@contextmanager
def _incoming(store: Path, feed: str) -> Iterator[tuple[Path, BinaryIO]]:
    """A temporary file beside the feed's deliveries, gone at the end unless it was settled."""
    folder = store / feed
    try:
        _make_folder(folder)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".incoming-")
        try:
            with os.fdopen(descriptor, "wb") as target:
                yield Path(name), target
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise SmmError("SMM-106", "the disk is full: the delivery cannot be stored", where=str(store)) from error
        raise


def _settle(temporary: Path, target: BinaryIO, final: Path) -> None:
    """Give a temporary file its lasting name, once all of it is on the disk."""
    target.flush()
    os.fsync(target.fileno())
    _make_folder(final.parent)
    temporary.replace(final)
    fsync_folder(final.parent)


def _make_folder(folder: Path) -> None:
    """Make a folder, and those above it, durably: what is in a folder is lost with it."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)


def _is_unchanged(source: Path, seen: os.stat_result) -> bool:
    """Whether a file is still the one that was seen, under its name."""
    try:
        now = source.lstat()
    except FileNotFoundError:
        return False
    return (now.st_size, now.st_mtime_ns) == (seen.st_size, seen.st_mtime_ns)


def _open(source: Path) -> BinaryIO | None:
    """A file of landing/ for reading; None when it was taken away or became a link since the folder was listed."""
    try:
        # O_NOFOLLOW: a link put in place of the file after the check is not followed.
        return os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        raise may_not_be_opened(source, str(error.strerror)) from error


def _copy(reader: BinaryIO | io.RawIOBase, target: BinaryIO) -> str:
    """Copy all that a reader gives; returns its SHA-256."""
    digest, copied = hashlib.sha256(), 0
    # Copying, hashing and writing to the disk let each other work; what is small is not worth a thread.
    with ThreadPoolExecutor(1, thread_name_prefix="digest") as pool, _Writer(target) as writer:
        hashed: Future[None] | None = None
        while size := _copy_range(reader, target):
            if hashed:
                hashed.result()
            hashed = pool.submit(_digest, digest, target, copied, size) if size == RANGE_BYTES else None
            if hashed is None:
                _digest(digest, target, copied, size)
            copied += size
            writer.note(copied)
        if hashed:
            hashed.result()
        # What the system did not copy by itself.
        while block := reader.read(CHUNK_BYTES):
            hashed = pool.submit(digest.update, block) if len(block) == CHUNK_BYTES else None
            target.write(block)
            if hashed:
                hashed.result()
            else:
                digest.update(block)
    return digest.hexdigest()


class _Writer:
    """Lets a file's bytes go to the disk while others are copied, so that little is left for the last fsync."""

    def __init__(self, target: BinaryIO) -> None:
        self._target, self._pool = target, ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._running: Future[None] | None = None
        self._begun = 0

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown()
        # The system tells a failure to write once: the last fsync would know nothing of it.
        if self._running and kind is None:
            self._running.result()

    def note(self, copied: int) -> None:
        """Begin to write when there is enough of it; `copied` counts the bytes so far."""
        if copied - self._begun < WRITTEN_BYTES or (self._running and not self._running.done()):
            return
        if self._running:
            self._running.result()
        self._begun = copied
        self._running = self._pool.submit(os.fsync, self._target.fileno())


def _copy_range(reader: BinaryIO | io.RawIOBase, target: BinaryIO) -> int:
    """Let the system copy some bytes of a file, which never come into this process; how many, or 0 where it does not.

    It takes a third of the time. Object stores, some file systems and containers, and other systems than Linux do not.
    What is wrong with the file itself, its reader tells.
    """
    try:
        return os.copy_file_range(reader.fileno(), target.fileno(), RANGE_BYTES)
    except (AttributeError, io.UnsupportedOperation):
        return 0
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        return 0


def _digest(digest: hashlib._Hash, target: BinaryIO, start: int, size: int) -> None:
    """Hash bytes that were copied, out of the copy."""
    while size:
        block = os.pread(target.fileno(), size, start)
        digest.update(block)
        start, size = start + len(block), size - len(block)


def fsync_folder(folder: Path) -> None:
    """Let the names in a folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

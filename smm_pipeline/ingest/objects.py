"""Deliveries that lie in an object store: whatever fsspec reads, named by landing_url.

Belongs here: listing a feed's objects and copying one into the raw store, with the rules of landing/. Does not belong
here: files of landing/ (landing.py) and which deliveries are new (queue.py). An object is there whole or not at all, so
nobody waits for one to grow.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from smm_pipeline.errors import SmmError, one_line
from smm_pipeline.ingest.landing import is_left_alone, store_stream
from smm_pipeline.settings import Settings
from smm_pipeline.warehouse.delivery_schema import OBJECTS_FOLDER

# What stores call the mark that changes with an object's content.
_VERSIONS = ("ETag", "etag", "VersionId", "generation", "content_md5")


@dataclass(frozen=True)
class StoredObject:
    """One object of a feed: its name below the feed's folder, and what tells that it changed."""

    file_path: str
    size: int
    mtime_ns: int
    version: str
    path: str


def objects_of(settings: Settings, feed: str) -> list[StoredObject]:
    """Objects of a feed in the order of their names; none where there is no landing_url.

    Raises:
        SmmError: SMM-211 when the store cannot be listed, or the place that landing_url names is not there.
    """
    if not settings.landing_url:
        return []
    try:
        store, root = _store(settings)
        # Some stores remember what they listed; a run must see what came since.
        store.invalidate_cache()
        folder = f"{root}/{feed}"
        found = store.glob(f"{folder}/{settings.feeds[feed].files}", detail=True)
        # Nothing is listed of a place that is not there either; only then is it worth another call.
        is_there = bool(found) or _exists(store, root)
        objects = [
            _object(store, folder, path, info) for path, info in sorted(found.items()) if _is_file(folder, path, info)
        ]
    except Exception as error:  # noqa: BLE001 - every store has errors of its own kind
        raise _unreadable(settings, feed, error) from None
    if not is_there:
        hint = "correct landing_url or create the folder; a store without folders has the place once an object is in it"
        raise SmmError("SMM-211", "the place does not exist", where=settings.landing_url, hint=hint)
    return objects


def store_object(settings: Settings, feed: str, seen: StoredObject) -> str | None:
    """Copy an object byte for byte into the raw store, durably, and return its SHA-256.

    Returns None when it changed or went while it was read, or fewer bytes came: it is taken at the next run.

    Raises:
        SmmError: SMM-106 when the disk is full, SMM-209 when the object may not be read, SMM-211 when the store cannot.
    """
    try:
        store, root = _store(settings)
        reader = store.open(seen.path, "rb")
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 - every store has errors of its own kind
        raise _failure(settings, feed, seen, error) from None

    def is_whole(size: int) -> bool:
        try:
            store.invalidate_cache()
            now = _object(store, f"{root}/{feed}", seen.path, store.info(seen.path))
        except FileNotFoundError:
            return False
        except Exception as error:  # noqa: BLE001 - every store has errors of its own kind
            raise _failure(settings, feed, seen, error) from None
        return size == seen.size and now == seen

    return store_stream(_Told(reader, settings, feed, seen), settings.raw_store, feed, is_whole)


class _Told(io.RawIOBase):
    """A reader of an object whose failures are told like those of listing."""

    def __init__(self, reader: Any, settings: Settings, feed: str, seen: StoredObject) -> None:
        self._reader, self._told = reader, (settings, feed, seen)

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            SmmError: SMM-209 or SMM-211 as `store_object`.
        """
        try:
            return bytes(self._reader.read(size))
        except Exception as error:  # noqa: BLE001 - every store has errors of its own kind
            raise _failure(*self._told, error) from None

    def close(self) -> None:
        """Let go of the object."""
        self._reader.close()
        super().close()


def shown_path(settings: Settings, feed: str, seen: StoredObject) -> Path:
    """An object as a path below landing/, where it would lie as a file."""
    return settings.landing / feed / seen.file_path


def _store(settings: Settings) -> tuple[Any, str]:
    # A tenth of a second to import, which only those pay who have a store.
    from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # fsspec ships no types

    store, root = url_to_fs(settings.landing_url)
    return store, str(root).rstrip("/")


def _exists(store: Any, root: str) -> bool:
    """Whether the place is there; fsspec's own exists() takes any failure for absence."""
    try:
        store.info(root)
    except FileNotFoundError:
        return False
    return True


def _is_file(folder: str, path: str, info: dict[str, Any]) -> bool:
    parts = PurePosixPath(path).relative_to(folder).parts
    return info["type"] == "file" and not is_left_alone(parts)


def _object(store: Any, folder: str, path: str, info: dict[str, Any]) -> StoredObject:
    changed = store.modified(path)
    moment = changed if isinstance(changed, datetime) else datetime.fromtimestamp(changed, UTC)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    version = next((str(info[key]) for key in _VERSIONS if info.get(key)), "")
    name = OBJECTS_FOLDER + one_line(PurePosixPath(path).relative_to(folder).as_posix())
    # Whole microseconds: a float would not give the same number twice.
    return StoredObject(name, int(info["size"]), int(moment.timestamp() * 1_000_000) * 1000, version, path)


def _failure(settings: Settings, feed: str, seen: StoredObject, error: Exception) -> SmmError:
    """SMM-209 of one object that is closed to us, which the others have nothing to do with; SMM-211 of any other."""
    if not isinstance(error, PermissionError):
        return _unreadable(settings, feed, error)
    where = f"{settings.landing_url}/{feed}/{seen.file_path.removeprefix(OBJECTS_FOLDER)}"
    hint = "give the login of smm the right to read it; the other objects go on"
    return SmmError("SMM-209", "the store does not let it be read", where=where, hint=hint)


def _unreadable(settings: Settings, feed: str, error: Exception) -> SmmError:
    """SMM-211, without the store's own words, which may hold a signed address."""
    # fsspec says what package is missing and what address it does not know; errors of others derive from these.
    told = str(error) if isinstance(error, ImportError) or type(error) is ValueError else type(error).__name__
    hint = (
        "see that the address is right, that the package for it is installed (s3fs, gcsfs, adlfs) and the login is set"
    )
    what = f"the object store cannot be read: {told}"
    return SmmError("SMM-211", what, where=f"{settings.landing_url}/{feed}", hint=hint)

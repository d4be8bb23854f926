"""What lies in landing/ and was not looked at yet.

Belongs here: comparing landing/ with the books, without reading a file. Does not belong here: loading (run.py).
"""

from __future__ import annotations

import logging
from pathlib import Path

import duckdb

from smm_pipeline.errors import SmmError
from smm_pipeline.ingest.landing import display_name, landing_files
from smm_pipeline.ingest.objects import objects_of, shown_path
from smm_pipeline.settings import Settings

_log = logging.getLogger(__name__)


def unseen_files(con: duckdb.DuckDBPyConnection, settings: Settings) -> list[Path]:
    """Files and objects that no ingest has taken up as they are now: new ones, and those whose size or time changed."""
    books = {
        (feed, name): (size, mtime_ns)
        for feed, name, size, mtime_ns in con.execute(
            "select feed, file_path, byte_count, mtime_ns from meta.landing_file"
        ).fetchall()
    }
    files = [
        path
        for feed, declared in settings.feeds.items()
        for path, info in landing_files(settings.landing / feed, declared)
        if books.get((feed, display_name(path, settings.landing / feed))) != (info.st_size, info.st_mtime_ns)
    ]
    try:
        return files + [
            shown_path(settings, feed, seen)
            for feed in settings.feeds
            for seen in objects_of(settings, feed)
            if books.get((feed, seen.file_path)) != (seen.size, seen.mtime_ns)
        ]
    except SmmError as error:
        # Whoever asks what waits is told of the files that do.
        _log.warning("%s", error)
        return files

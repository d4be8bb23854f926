"""How the command line speaks.

Belongs here: printing results as text or JSON, progress bars on a terminal only, errors with code, what, where and what
to do, and the exit codes. Does not belong here: what is printed.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import duckdb
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from smm_pipeline.errors import SmmError, not_writable
from smm_pipeline.masking import without_persons, without_values
from smm_pipeline.pipeline import Progress as ProgressCallback

EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_REFUSED, EXIT_AUDIT, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 130
TRACEBACK_VARIABLE = "SMM_TRACEBACK"
# Names of files and values of sources are shown, and a terminal would obey what controls it in them.
_CONTROLS = {n: ascii(chr(n))[1:-1] for n in (*range(32), *range(127, 160)) if chr(n) not in "\n\t"}
_CONTROLS |= {n: ascii(chr(n))[1:-1] for n in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


class _Speaker(Console):
    """A console that shows controls in texts as Python writes them, and so obeys none."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts without any control but ends of lines and tabs; everything else as Rich has made it."""
        super().print(*(o.translate(_CONTROLS) if isinstance(o, str) else o for o in objects), **options)


out = _Speaker(highlight=False, soft_wrap=True)
err = _Speaker(stderr=True, highlight=False, soft_wrap=True)


@dataclass
class Mode:
    """What the options common to all commands ask for."""

    as_json: bool = False


mode = Mode()


def emit(data: Any, text: str) -> None:
    """Print `data` with --json, else `text`."""
    if mode.as_json:
        print(json.dumps(data, ensure_ascii=False, indent=2, default=str))  # noqa: T201 - the command's output
    else:
        out.print(text, markup=False)


class _Notes(logging.Handler):
    """Warnings of the rooms below, on standard error; a progress bar moves out of their way."""

    def emit(self, record: logging.LogRecord) -> None:
        err.print(f"note: {record.getMessage()}", markup=False)


def show_warnings() -> None:
    """Show what the pipeline logs as a warning."""
    logging.getLogger("smm_pipeline").addHandler(_Notes(logging.WARNING))


def end_quietly() -> None:
    """Let nothing be written once the command has ended.

    DuckDB 2.0 reports, as the process goes, leaks of its own binding, dozens of lines after any error that it raised.
    """
    atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno()))


@contextmanager
def progress() -> Iterator[ProgressCallback | None]:
    """A progress callback drawn on a terminal; None in a pipe, in CI and with --json."""
    if mode.as_json or not err.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True) as bars:
        task = bars.add_task("starting", total=None)

        def show(step: str, done: int, total: int) -> None:
            bars.update(task, description=step, completed=done, total=total)

        yield show


def fail(error: BaseException, code: int = EXIT_ERROR) -> NoReturn:
    """End the process with the message of an error and an exit code; never with a bare traceback."""
    if isinstance(error, KeyboardInterrupt):
        err.print("interrupted; what was committed stays, run again to go on")
        sys.exit(EXIT_INTERRUPTED)
    known = error if isinstance(error, SmmError) else _translated(error)
    if mode.as_json:
        print(json.dumps({"error": known.as_dict()}, ensure_ascii=False))  # noqa: T201 - the command's output
    err.print(str(known), markup=False)
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
    sys.exit(code)


def _translated(error: BaseException) -> SmmError:
    """An error that nobody turned into an SmmError, told as one."""
    lines = str(error).splitlines() or [""]
    # A database quotes the value that it stumbled over, and so may others, who quote names of our own too.
    message = without_values(str(error)) if isinstance(error, duckdb.Error) else without_persons(lines[0])
    if isinstance(error, duckdb.Error | OSError) and "No space left" in str(error):
        return SmmError("SMM-106", "the disk is full", hint="free some space and run again; the last state is intact")
    if isinstance(error, duckdb.IOException | OSError) and (refused := not_writable(error)):
        return refused
    return SmmError(
        "SMM-901",
        f"{type(error).__name__}: {message}",
        hint=f"set {TRACEBACK_VARIABLE}=1 for the details and report it",
    )

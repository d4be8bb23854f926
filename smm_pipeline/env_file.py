"""The .env of an instance: its secrets, as variables of the environment.

Belongs here: reading it, whatever an editor made of it. Does not belong here: what the variables mean (settings.py).
"""

from __future__ import annotations

import os
from pathlib import Path

from smm_pipeline.errors import SmmError, line_of

_HINT = "save it as UTF-8"


def load_env_file(path: Path) -> None:
    """Take variables of a file that the environment does not set itself, or leaves empty; none where there is no file.

    Raises:
        SmmError: SMM-102 when it is not UTF-8. Nothing of its text is told, because it holds the secrets.
    """
    if not path.is_file():
        return
    try:
        # Some editors begin a file of UTF-8 with a byte order mark, which would be part of the first name.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SmmError("SMM-102", f".env is not UTF-8, in line {line_of(error)}", where=str(path), hint=_HINT) from None
    if "\0" in text:
        raise SmmError("SMM-102", ".env is not UTF-8: it holds zero bytes, as UTF-16 does", where=str(path), hint=_HINT)
    for line in text.splitlines():
        name, mark, value = line.partition("=")
        # As a shell takes it: export NAME=value.
        *words, name = name.split() or [""]
        if mark and name and words in ([], ["export"]) and not name.startswith("#") and not os.environ.get(name):
            os.environ[name] = value.strip().strip("'\"")

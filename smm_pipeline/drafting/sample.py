"""The sample of a file, handed from the look into it to the guesses about it.

Belongs here: that value. Does not belong here: behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """What was found in a file.

    `format` holds the keys that a mapping's format needs, `structure` the fields of nested records and None for tables,
    `values` texts of each field by its path, empty ones left out, and `notes` what a person should look at.
    """

    format: Mapping[str, Any]
    structure: Any
    values: Mapping[Path, Sequence[str]]
    notes: tuple[str, ...] = ()

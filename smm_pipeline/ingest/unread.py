"""How much of a delivery may be unreadable before all of it is refused.

Belongs here: counting records that are none, and the error when they are too many. Does not belong here: why a record
is none (the readers, records.py), and rejects of readable records, of which the feed's max_reject_share decides.
"""

from __future__ import annotations

from threading import Lock

from smm_pipeline.errors import SmmError

# They are held in memory, with their texts, until their piece or their delivery is done.
MAX_RECORDS = 100_000
MAX_CHARACTERS = 64 << 20
_HINT = (
    "put the file that this feed's mapping reads, or give the feed the mapping of this file; smm check FILE shows what "
    "a mapping makes of it"
)


class Unread:
    """Counts the unreadable records of one delivery, from several threads too.

    Args:
        name: the delivery's file.
        unit: what the number of a record counts in it: record, line or row.
    """

    def __init__(self, name: str = "", unit: str = "record") -> None:
        self.name, self._unit = name, unit
        self._records = self._characters = 0
        self._lock = Lock()

    def add(self, row: int, reason: str, text: str) -> None:
        """Count one.

        Raises:
            SmmError: SMM-201 when it is one too many.
        """
        with self._lock:
            self._records += 1
            self._characters += len(text)
            is_too_much = self._records > MAX_RECORDS or self._characters > MAX_CHARACTERS
        if is_too_much:
            what = (
                f"{self._records:,} records of it cannot be read, of which one is {self._unit} {row} ({reason}): this "
                "is another kind of file"
            )
            raise SmmError("SMM-201", what, where=self.name, hint=_HINT)

"""What of a text must not be repeated: values that may name a person.

Belongs here: patterns of personal values, and the mask over messages of other programs, which quote the value they
stumbled over. Does not belong here: pseudonyms (ingest/persons.py), and texts of our own, which quote no value.
"""

from __future__ import annotations

import re

# Regular expressions for Python and for DuckDB.
# Of any script, and as JSON may write it: \u043e. What parts values in records and addresses is no part of one.
_CHARACTER = r"""[^\s@"'<>(){}\[\],;:/=?&#|]"""
EMAIL = rf"{_CHARACTER}+@{_CHARACTER}+\.{_CHARACTER}+"
# A phone, or an id that may be a person's; status and error codes are shorter.
LONG_NUMBER = r"\+?\d([ ()-]*\d){8,}"
MASK = "(...)"
# From the first quotation mark to the last: an apostrophe within a value ends nothing.
_QUOTED = re.compile(r"""['"].*['"]""")
_OPEN = re.compile(r"""['"].*""")


def without_persons(text: str) -> str:
    """The text without e-mail addresses and numbers as long as a telephone's."""
    return re.sub(f"{EMAIL}|{LONG_NUMBER}", MASK, text)


def without_values(message: str) -> str:
    """The first line of a database's message without what it quotes, which may be personal."""
    line = (message.strip().splitlines() or [""])[0]
    return without_persons(_OPEN.sub(MASK, _QUOTED.sub(MASK, line)))

"""Pseudonyms for persons.

Belongs here: the canonical form of personal identifiers, their keyed HMAC, and that a work database keeps to one key.
Does not belong here: which columns hold them (the contracts say: `person: <kind>`).

A plain hash of an e-mail address can be guessed at millions per second; a keyed HMAC cannot without the key. The kind
is part of the message, so that the same text used as e-mail and as customer id gives different keys.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache

import duckdb

from smm_pipeline.errors import SmmError
from smm_pipeline.quoting import quoted

KEY_HEX_DIGITS = 32
_FINGERPRINT_OF = ("fingerprint", "smm_pipeline")


def canonical(kind: str, value: str) -> str:
    """The one spelling of an identifier: trimmed, NFC; e-mail addresses in lower case with an IDNA domain.

    Ids keep their case: visitors of GA4 and short codes of posts differ by nothing else.
    """
    text = unicodedata.normalize("NFC", value.strip())
    if kind != "email":
        return text
    # Nobody sees what forms and messengers copy along, and a capital i with a dot is one that Turkish programs made.
    seen = "".join(sign for sign in text if unicodedata.category(sign) != "Cf").strip().replace("\u0130", "i")
    local, at, domain = seen.lower().rpartition("@")
    return f"{local}{at}{_ascii_host(domain)}"


# Few hosts have most addresses, and Python's own codec takes longer for one than the whole rest of a key.
@lru_cache(maxsize=4096)
def _ascii_host(name: str) -> str:
    # What is no host name stays as it is: the text itself still identifies.
    with suppress(UnicodeError):
        return name.encode("idna").decode("ascii")
    return name


def person_key(kind: str, value: str, secret: bytes) -> str:
    """HMAC-SHA-256 of `kind:v1:canonical`, the first 128 bits in hex."""
    message = f"{kind}:v1:{canonical(kind, value)}".encode()
    return hmac.digest(secret, message, "sha256").hex()[:KEY_HEX_DIGITS]


def hold_to_key(con: duckdb.DuckDBPyConnection, secret: bytes) -> None:
    """Note the key by its fingerprint when a work database first meets one.

    Raises:
        SmmError: SMM-103 when it was made with another key, under which all its persons would be strangers.
    """
    if is_other_key(con, secret):
        raise SmmError(
            "SMM-103",
            "the person key is not the one that the work database was made with",
            where="SMM_PERSON_KEY",
            hint="put the old key back; to go on with the new one, move warehouse.duckdb away, and smm run makes "
            "everything anew from the raw store",
        )
    con.execute("insert or ignore into meta.person_key values (?)", [person_key(*_FINGERPRINT_OF, secret)])


def is_other_key(con: duckdb.DuckDBPyConnection, secret: bytes) -> bool:
    """Whether the work database was made with another key."""
    row = con.execute("select fingerprint from meta.person_key").fetchone()
    return row is not None and row[0] != person_key(*_FINGERPRINT_OF, secret)


def make_person_table(
    con: duckdb.DuckDBPyConnection, relation: str, columns: Iterable[tuple[str, str]], secret: bytes
) -> None:
    """Create the temporary table `_smm_person` (kind, value, person_key) for every identifier in a relation.

    Args:
        con: connection that sees the relation.
        relation: name of a table or view with the clear identifiers.
        columns: pairs of column name and kind.
        secret: key of the HMAC.
    """
    con.execute("create or replace temp table _smm_person (kind varchar, value varchar, person_key varchar)")
    for kind, names in _by_kind(columns).items():
        union = " union ".join(f"select {quoted(n)} as value from {relation}" for n in names)
        values = [r[0] for r in con.execute(f"select distinct value from ({union}) where value is not null").fetchall()]
        if not values:
            continue
        keys = [person_key(kind, v, secret) for v in values]
        con.execute(
            "insert into _smm_person select ?, unnest(?::varchar[]), unnest(?::varchar[])", [kind, values, keys]
        )


def _by_kind(columns: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for name, kind in columns:
        kinds.setdefault(kind, []).append(name)
    return kinds

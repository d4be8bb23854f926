"""What becomes of Unicode in what rows are joined by: addresses of persons, ids, handles, names."""

from __future__ import annotations

import duckdb
import pytest

from smm_pipeline.ingest.persons import canonical
from smm_pipeline.ingest.values import define_macros

EMAILS = {
    "decomposed": ("и\u0306@a.example", "й@a.example"),
    "capitals": ("OLHA@A.EXAMPLE", "olha@a.example"),
    "a no-break blank around": ("\u00a0olha@a.example\u00a0", "olha@a.example"),
    "a zero-width blank within": ("ol\u200bha@a.example", "olha@a.example"),
    "a zero-width joiner at the end": ("olha@a.example\u200d", "olha@a.example"),
    "marks of direction around": ("\u202aolha@a.example\u202c", "olha@a.example"),
    "a file's sign of byte order, then a blank": ("\ufeff olha@a.example", "olha@a.example"),
    "Turkish capitals": ("İLKER@A.EXAMPLE", "ilker@a.example"),
    "an i without a dot is another letter": ("\u0131lker@a.example", "\u0131lker@a.example"),
    "a Cyrillic letter is another letter": ("\u043elha@a.example", "\u043elha@a.example"),
    "Ukrainian and Russian capitals": ("ҐЁ@a.example", "ґё@a.example"),
    "a sharp s before the at sign": ("GROẞ@a.example", "groß@a.example"),
    "a sharp s in the domain, as browsers of old read it": ("a@straße.example", "a@strasse.example"),
}
# Ids and names as rows keep them. Case tells videos of YouTube and posts of Instagram apart.
TEXTS = {
    "decomposed": ("и\u0306", "й"),
    "capitals": ("dQw4w9WgXcQ", "dQw4w9WgXcQ"),
    "small letters": ("dqw4w9wgxcq", "dqw4w9wgxcq"),
    "a no-break blank around": ("\u00a0C1aB\u00a0", "C1aB"),
    "a zero-width blank before": ("\u200bC1aB", "C1aB"),
    "marks of direction around, as Windows copies them": ("\u200e12.03.2026\u200f", "12.03.2026"),
    "an isolate around": ("\u2068C1aB\u2069", "C1aB"),
    "marks behind Cyrillic": ("чай\u200b \u200e", "чай"),
    "a joiner within an emoji": ("👩\u200d🔬", "👩\u200d🔬"),
    "an emoji's own sign at the end": ("❤\ufe0f", "❤\ufe0f"),
    "a flag made of tags": ("🏴\U000e0067\U000e007f", "🏴\U000e0067\U000e007f"),
    "quotes and dashes of print": ("“чай” —\u2026", "“чай” —\u2026"),
    "a ligature": ("ﬁ", "ﬁ"),
    "a Cyrillic letter": ("\u04411", "\u04411"),
    "Turkish capitals": ("İI", "İI"),
    "nothing but marks": ("\u200b\u200e", ""),
}


@pytest.mark.parametrize("name", EMAILS)
def test_addresses_of_persons(name: str) -> None:
    written, expected = EMAILS[name]
    assert canonical("email", written) == expected


@pytest.mark.parametrize("name", TEXTS)
def test_ids_and_names(name: str) -> None:
    written, expected = TEXTS[name]
    con = duckdb.connect()
    define_macros(con, {})
    assert con.execute("select _smm_trim(?)", [written]).fetchone() == (expected,)


@pytest.mark.parametrize("kind", ["visitor", "customer_id"])
def test_ids_of_persons_keep_their_case(kind: str) -> None:
    assert canonical(kind, "GA1.2.AbC") != canonical(kind, "ga1.2.abc")

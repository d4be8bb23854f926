"""Numbers, days and texts as properties: what a source may write comes back as it was meant, the rest is refused."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smm_pipeline.feeds.mapping import ColumnRule, NumberFormat, TimeFormat
from smm_pipeline.ingest.addresses import MAX_CHARACTERS
from smm_pipeline.ingest.values import NULL_TEXTS, UNSEEN, define_macros, known_text, typed

CON = duckdb.connect()
define_macros(CON, {})
# A query per example would be most of the time: an example is a list.
MANY = settings(max_examples=30)
LOCALES = [
    NumberFormat(),
    NumberFormat(thousands=","),
    NumberFormat(decimal=",", thousands="."),
    NumberFormat(decimal=",", thousands=" ", strip=("грн", "₴")),
    NumberFormat(thousands="'"),
]
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
AMOUNTS = st.lists(st.decimals(-(10**13), 10**13, places=2, allow_nan=False), min_size=1, max_size=60)


def values(type_: str, texts: list[str], rule: ColumnRule) -> list[Any]:
    sql, _ = typed(type_, "t", rule, "Europe/Kyiv")
    query = f"select {sql} from (select unnest(?::varchar[]) as t, unnest(range(?)) as n) order by n"
    return [row[0] for row in CON.execute(query, [texts, len(texts)]).fetchall()]


def written(amount: Decimal, fmt: NumberFormat, *, grouped: bool) -> str:
    """The amount as a source of that format writes it."""
    text = f"{amount:,.2f}" if grouped and fmt.thousands else f"{amount:.2f}"
    marks = {",": fmt.thousands, ".": fmt.decimal}
    return "".join(marks.get(sign, sign) for sign in text) + (f" {fmt.strip[0]}" if fmt.strip else "")


@pytest.mark.parametrize("fmt", LOCALES, ids=lambda f: f"{f.decimal}{f.thousands or 'none'}")
@MANY
@given(amounts=AMOUNTS, grouped=st.booleans())
def test_amounts_come_back_to_the_cent(fmt: NumberFormat, amounts: list[Decimal], *, grouped: bool) -> None:
    texts = [written(amount, fmt, grouped=grouped) for amount in amounts]
    assert values("DECIMAL(18,4)", texts, ColumnRule(expr="t", number=fmt)) == amounts


@pytest.mark.parametrize("fmt", LOCALES, ids=lambda f: f"{f.decimal}{f.thousands or 'none'}")
@MANY
@given(texts=st.lists(st.text("0123456789.,' -+eE_", min_size=1, max_size=9), min_size=1, max_size=100))
def test_what_is_no_number_of_the_format_is_refused(fmt: NumberFormat, texts: list[str]) -> None:
    """The grammar, said once more: digits, or digits in groups of three, and a fraction."""
    group = re.escape(fmt.thousands) if fmt.thousands else "(?!)"
    number = re.compile(
        rf"[+-]?(\d+|\d{{1,3}}({group}\d{{3}})+)({re.escape(fmt.decimal)}\d+)?([eE]-\d{{1,3}})?", re.ASCII
    )
    # Texts stand trimmed before they are read.
    texts = [text.strip() for text in texts]
    found = values("DECIMAL(18,4)", texts, ColumnRule(expr="t", number=fmt))
    assert [value is not None for value in found] == [number.fullmatch(text) is not None for text in texts]


@pytest.mark.parametrize("pattern", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d"])
@MANY
@given(days=st.lists(st.dates(date(1990, 1, 1), date(2100, 1, 1)), min_size=1, max_size=60), past=st.integers(1, 3))
def test_days_come_back_and_days_that_do_not_exist_are_refused(pattern: str, days: list[date], past: int) -> None:
    rule = ColumnRule(expr="t", time=TimeFormat(format=pattern))
    assert values("DATE", [f"{day:{pattern}}" for day in days], rule) == days
    beyond = [f"{day:{pattern.replace('%d', str(monthrange(day.year, day.month)[1] + past))}}" for day in days]
    assert values("DATE", beyond, rule) == [None] * len(days)


@MANY
@given(texts=st.lists(st.text(LETTERS, max_size=20), min_size=1))
def test_texts_are_trimmed_and_composed_and_lose_nothing_else(texts: list[str]) -> None:
    known = known_text("name", "_smm_trim(t)")
    query = f"select {known} from (select unnest(?::varchar[]) as t, unnest(range(?)) as n) order by n"
    found = [row[0] for row in CON.execute(query, [texts, len(texts)]).fetchall()]
    kept = [unicodedata.normalize("NFC", text.strip(UNSEEN)) for text in texts]
    assert found == [None if text in NULL_TEXTS else text for text in kept]


PIECES = st.sampled_from(
    [
        "https://",
        "//",
        "shop.example",
        "/",
        "?",
        "&",
        "#",
        "=",
        "email",
        "token",
        "utm_source",
        "a@b.example",
        "a%40b.example",
        "%2B380501234567",
        "+380501234567",
        "user:p@",
        "javascript:",
        ":8080",
        "%",
        "%ZZ",
        "я",
        "'",
        '"',
        "\\",
        ";",
        "@handle",
    ]
)
ADDRESSES = st.lists(st.lists(PIECES, max_size=12).map("".join), min_size=1, max_size=40)


@MANY
@given(addresses=ADDRESSES)
def test_no_e_mail_stays_in_an_address_whatever_its_form(addresses: list[str]) -> None:
    query = "select _smm_url(t) from (select unnest(?::varchar[]) as t)"
    found = [row[0] for row in CON.execute(query, [addresses]).fetchall()]
    assert len(found) == len(addresses)
    assert [address for address in found if re.search(r"a(@|%40)b\.example", address)] == []


SCHEMES = st.sampled_from(
    ["javascript:", "JavaScript://", "data:text/html,", "vbscript:", "file:///", "blob:https://", ""]
)
# Padding before, within and after what is cut.
PADDING = st.sampled_from(
    ["", "p" * 9_000, "/" + "%D1%8F" * 1_500, "?x=" + "y" * 9_000, "?" + "a=1&" * 2_100, "#" + "z" * 9_000]
)
ANY_ADDRESSES = st.lists(
    st.tuples(
        SCHEMES, st.text(LETTERS, max_size=20), st.lists(PIECES, max_size=8), PADDING, st.lists(PIECES, max_size=8)
    ).map(lambda parts: parts[0] + parts[1] + "".join(parts[2]) + parts[3] + "".join(parts[4])),
    min_size=1,
    max_size=40,
)


@MANY
@given(addresses=ANY_ADDRESSES)
def test_any_text_is_cleaned_once_for_all_and_bounded(addresses: list[str]) -> None:
    query = "select _smm_url(t), links_of(t) from (select unnest(?::varchar[]) as t)"
    found = CON.execute(query, [addresses]).fetchall()
    once = [row[0] for row in found]
    assert [row[0] for row in CON.execute(query, [once]).fetchall()] == once
    assert max(map(len, once)) <= MAX_CHARACTERS
    links = [link for row in found for link in row[1]]
    assert [link for link in links if not re.match("https?://", link, re.IGNORECASE)] == []

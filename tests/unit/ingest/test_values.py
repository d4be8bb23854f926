"""Text to values: what is accepted, what is refused, per type and format. Expected values are worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from smm_pipeline.feeds.mapping import ColumnRule, NumberFormat, TimeFormat
from smm_pipeline.ingest.values import define_macros, known_text, mapped_text, typed


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        define_macros(connection, {"brand": "O'Neil"})
        yield connection


def value(con: duckdb.DuckDBPyConnection, type_: str, text: str, rule: ColumnRule, zone: str = "Europe/Kyiv") -> Any:
    sql, _ = typed(type_, "t", rule, zone)
    row = con.execute(f"select {sql} from (select cast(? as varchar) as t)", [text]).fetchone()
    assert row is not None
    return row[0]


def rule(**parts: Any) -> ColumnRule:
    return ColumnRule(expr="t", **parts)


EITHER = NumberFormat(decimal="either", strip=("грн",))
UKRAINIAN = NumberFormat(decimal=",", thousands=" ", strip=("грн", "₴"))


@pytest.mark.parametrize(
    ("text", "fmt", "expected"),
    [
        ("12.5", NumberFormat(), "12.5"),
        ("-0.01", NumberFormat(), "-0.01"),
        ("+7", NumberFormat(), "7"),
        ("1,5", NumberFormat(), None),
        ("1e3", NumberFormat(), None),
        # As databases write 0.00005 and 0.00123; a large one with an exponent is an article number made a number.
        ("5e-05", NumberFormat(), "0.0001"),
        ("1.23E-3", NumberFormat(), "0.0012"),
        ("1_000", NumberFormat(), None),
        ("0x1F", NumberFormat(), None),
        ("nan", NumberFormat(), None),
        ("inf", NumberFormat(), None),
        ("1 000", NumberFormat(), None),
        ("99999999999999999", NumberFormat(), None),  # more than DECIMAL(18, 4) holds
        ("1 250,50", UKRAINIAN, "1250.5"),
        ("1\u00a0250,50 грн", UKRAINIAN, "1250.5"),
        ("1\u202f250\u2009000 ₴", UKRAINIAN, "1250000"),
        ("12 34,00", UKRAINIAN, None),
        ("1.250,50", UKRAINIAN, None),
        ("1.234.567,8", NumberFormat(decimal=",", thousands="."), "1234567.8"),
        ("1'234.5", NumberFormat(thousands="'"), "1234.5"),
        ("1 250,50 грн", EITHER, "1250.5"),
        ("1 250.50", EITHER, "1250.5"),
        ("1,250.50", EITHER, "1250.5"),
        ("1.250,50", EITHER, "1250.5"),
        ("1,234,567", EITHER, "1234567"),
        ("1250.125", EITHER, "1250.125"),
        ("-7,5", EITHER, "-7.5"),
        ("0.50", EITHER, "0.5"),
        # A thousand, or one and a quarter: nobody knows.
        ("1,250", EITHER, None),
        ("1.250", EITHER, None),
        ("1,250,50", EITHER, None),
        ("2990000", NumberFormat(divide_by=1_000_000), "2.99"),
        ("-1", NumberFormat(divide_by=100), "-0.01"),
    ],
)
def test_decimals(con: duckdb.DuckDBPyConnection, text: str, fmt: NumberFormat, expected: str | None) -> None:
    found = value(con, "DECIMAL(18,4)", text, rule(number=fmt))
    assert found == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12", 12), ("12.0", 12), ("12.5", None), ("9223372036854775808", None), ("-3", -3), ("", None), ("12abc", None)],
)
def test_integers(con: duckdb.DuckDBPyConnection, text: str, expected: int | None) -> None:
    assert value(con, "BIGINT", text, rule()) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("TRUE", True), ("no", False), ("1", True), ("0", False), ("2", None), ("так", None)]
)
def test_booleans(con: duckdb.DuckDBPyConnection, text: str, expected: bool | None) -> None:
    assert value(con, "BOOLEAN", text, rule()) is expected


@pytest.mark.parametrize(
    ("text", "fmt", "expected"),
    [
        ("2026-03-01T10:00:00Z", TimeFormat(), "2026-03-01T10:00:00"),
        ("2026-03-01 10:00:00+02:00", TimeFormat(), "2026-03-01T08:00:00"),
        ("2020-08-17T12:25:20+0000", TimeFormat(), "2020-08-17T12:25:20"),
        ("2019-11-06T14:04:59.9506137Z", TimeFormat(), "2019-11-06T14:04:59.950613"),
        ("2026-01-15T10:00:00", TimeFormat(), "2026-01-15T08:00:00"),  # Kyiv is UTC+2 in winter
        ("2026-07-15T10:00:00", TimeFormat(), "2026-07-15T07:00:00"),  # and UTC+3 in summer
        ("2026-07-15 10:00:00 +0400", TimeFormat(), "2026-07-15T06:00:00"),
        ("2026-07-15 10:00:00,5 -05:30", TimeFormat(), "2026-07-15T15:30:00.500000"),
        ("2026-07-15T10:00:00", TimeFormat(zone="UTC"), "2026-07-15T10:00:00"),
        ("2026-02-30T10:00:00Z", TimeFormat(), None),
        ("2026-03-01", TimeFormat(), None),
        ("2026-03-01 01:00:00 UTC", TimeFormat(), "2026-03-01T01:00:00"),
        ("2026-03-01 01:00:00UTC", TimeFormat(), None),
        ("2026-03-01 01:00:00 Z", TimeFormat(), None),
        ("01.03.2026 10:00", TimeFormat(), None),
        ("01.03.2026 10:00", TimeFormat(format="%d.%m.%Y %H:%M"), "2026-03-01T08:00:00"),
        ("01.03.2026 10:00 +0400", TimeFormat(format="%d.%m.%Y %H:%M %z"), "2026-03-01T06:00:00"),
        ("01.03.2026 10:00 UTC", TimeFormat(format="%d.%m.%Y %H:%M %Z"), "2026-03-01T10:00:00"),
        ("01.03.2026 10:00 Asia/Tokyo", TimeFormat(format="%d.%m.%Y %H:%M %Z"), "2026-03-01T01:00:00"),
        ("01.03.2026 10:00 %z", TimeFormat(format="%d.%m.%Y %H:%M %%z"), "2026-03-01T08:00:00"),
        ("31.02.2026 10:00", TimeFormat(format="%d.%m.%Y %H:%M"), None),
        ("1617691790431476", TimeFormat(format="unix_us"), "2021-04-06T06:49:50.431476"),
        ("1494346325", TimeFormat(format="unix_s"), "2017-05-09T16:12:05"),
        ("1494346325000", TimeFormat(format="unix_ms"), "2017-05-09T16:12:05"),
        ("1494346325.5", TimeFormat(format="unix_s"), None),
        ("1494346325", TimeFormat(format="unix_ms"), None),  # seconds: it would lie in January 1970
        ("1494346325000", TimeFormat(format="unix_us"), None),
        ("31536000", TimeFormat(format="unix_s"), "1971-01-01T00:00:00"),
        ("999999999999999999", TimeFormat(format="unix_s"), None),
        ("46082.4375", TimeFormat(format="excel"), "2026-03-01T08:30:00"),  # half past ten in Kyiv
        ("46203,5", TimeFormat(format="excel"), "2026-06-30T09:00:00"),
        ("46082.437673611", TimeFormat(format="excel", zone="UTC"), "2026-03-01T10:30:15"),
        ("61", TimeFormat(format="excel", zone="UTC"), "1900-03-01T00:00:00"),
        ("60", TimeFormat(format="excel"), None),
        ("2958466", TimeFormat(format="excel"), None),
        ("2026-03-01", TimeFormat(format="excel"), None),
    ],
)
def test_instants(con: duckdb.DuckDBPyConnection, text: str, fmt: TimeFormat, expected: str | None) -> None:
    found = value(con, "TIMESTAMPTZ", text, rule(time=fmt))
    assert found == (None if expected is None else datetime.fromisoformat(expected + "+00:00"))


@pytest.mark.parametrize(
    ("text", "fmt", "expected"),
    [
        ("2026-03-01", TimeFormat(), date(2026, 3, 1)),
        ("2026-03-01T23:30:00", TimeFormat(), date(2026, 3, 1)),
        ("2026-03-01T23:30:00Z", TimeFormat(), date(2026, 3, 2)),  # half past one in Kyiv
        ("20260301", TimeFormat(format="%Y%m%d"), date(2026, 3, 1)),
        # The day in the zone of the feed, as of an ISO time with an offset.
        ("2026-03-01 01:00 +0200", TimeFormat(), date(2026, 3, 1)),
        ("01.03.2026 01:00 +0200", TimeFormat(format="%d.%m.%Y %H:%M %z"), date(2026, 3, 1)),
        ("01.03.2026 23:30 UTC", TimeFormat(format="%d.%m.%Y %H:%M %Z"), date(2026, 3, 2)),
        ("01.03.2026 23:30 UTC", TimeFormat(format="%d.%m.%Y %H:%M %Z", zone="UTC"), date(2026, 3, 1)),
        ("01.03.2026 23:30 %z", TimeFormat(format="%d.%m.%Y %H:%M %%z"), date(2026, 3, 1)),
        ("46082", TimeFormat(format="excel"), date(2026, 3, 1)),
        ("46082.99", TimeFormat(format="excel"), date(2026, 3, 1)),
        ("20260301", TimeFormat(format="excel"), None),
        ("1494346325", TimeFormat(format="unix_ms", zone="UTC"), None),
        ("1494346325", TimeFormat(format="unix_s", zone="UTC"), date(2017, 5, 9)),
        ("2026-02-29", TimeFormat(), None),
        ("1.3.26", TimeFormat(), None),
    ],
)
def test_days(con: duckdb.DuckDBPyConnection, text: str, fmt: TimeFormat, expected: date | None) -> None:
    assert value(con, "DATE", text, rule(time=fmt)) == expected


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("name", "  x\u00a0", "x"),
        ("name", "\ufeffx\r\n", "x"),
        ("name", "и\u0306", "й"),  # decomposed becomes composed
        ("name", "(not set)", None),
        ("name", "—", None),
        ("name", "(none)", "(none)"),
        ("utm_source", "(none)", None),
        ("utm_source", "(direct)", "(direct)"),
    ],
)
def test_texts(con: duckdb.DuckDBPyConnection, column: str, text: str, expected: str | None) -> None:
    row = con.execute(f"select {known_text(column, 't')} from (select _smm_trim(?) as t)", [text]).fetchone()
    assert row == (expected,)


def test_map_and_otherwise(con: duckdb.DuckDBPyConnection) -> None:
    kept, other = rule(map={"A": "x'y"}), rule(map={"A": "x"}, otherwise="rest")
    sql = f"select {mapped_text(kept, 't')}, {mapped_text(other, 't')} from (select unnest(['A', 'B', null]) as t)"
    assert con.execute(sql).fetchall() == [("x'y", "x"), ("B", "rest"), (None, None)]


def test_functions_of_the_mapping_language(con: duckdb.DuckDBPyConnection) -> None:
    sql = (
        "select value_of([{'key': 'a', 'value': 1}, {'key': 'b', 'value': 2}], 'b'), "
        "value_of([{'key': 'a', 'value': 1}], 'z'), constant('brand'), constant('absent')"
    )
    assert con.execute(sql).fetchall() == [(2, None, "O'Neil", None)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lamps &amp; &quot;more&quot; &apos;&lt;", 'Lamps & "more" \'<'),
        ("a&#8211;b &#x2019; &#X41; &#038;", "a\u2013b \u2019 A &"),
        ("&frac12;&nbsp;kg", "\u00bd\u00a0kg"),
        # Each escape once: what was escaped twice is still escaped.
        ("&amp;lt; &#38;lt; &amp;amp;", "&lt; &lt; &amp;"),
        # No escape: left as it is.
        ("R&D; &bogus; & &amp", "R&D; &bogus; & &amp"),
        ("&#0; &#55296; &#1114112; &#9999999;", "&#0; &#55296; &#1114112; &#9999999;"),
        ("", ""),
        (None, None),
    ],
)
def test_escapes_of_html(con: duckdb.DuckDBPyConnection, text: str | None, expected: str | None) -> None:
    assert con.execute("select unescaped(cast(? as varchar))", [text]).fetchone() == (expected,)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["10.00", " 2.5 "], "12.5000"),
        (["-3.00", "-0.60"], "-3.6000"),
        (["10.00", "zz"], "unreadable"),
        (["10.00", "1e3"], "unreadable"),
        (["99999999999999999"], "unreadable"),
        # What is absent is unknown, and so is a sum of it; what cannot be read is said before.
        (["10.00", None], None),
        (["10.00", ""], None),
        ([None, "zz"], "unreadable"),
        ([], None),
        (None, None),
    ],
)
def test_totals_of_lists(con: duckdb.DuckDBPyConnection, texts: list[str | None] | None, expected: str | None) -> None:
    assert con.execute("select total_of(?::varchar[])", [texts]).fetchone() == (expected,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # More than a double holds: ids stay as they are written.
        ("[1, 18446744073709551615,2.50]", ["1", "18446744073709551615", "2.50"]),
        (r"['a','b\'c','d\te','\\t','x,y','[z]','']", ["a", "b'c", "d\te", "\\t", "x,y", "[z]", ""]),
        # Escaped once more with its quotes, as a part of Yandex's Logs API.
        (r"[\'a\',\'b\\\'c\',\'t\\tx\']", ["a", "b'c", "t\tx"]),
        ("[]", []),
        ("[ ]", []),
        # No array, or a part of one.
        ("", None),
        ("1,2", None),
        ("[1,2", None),
        ("['a", None),
        ("[1,]", None),
        ("[[1],[2]]", None),
        (None, None),
    ],
)
def test_arrays_in_a_cell(con: duckdb.DuckDBPyConnection, text: str | None, expected: list[str] | None) -> None:
    assert con.execute("select list_of(cast(? as varchar))", [text]).fetchone() == (expected,)


def test_escapes_of_a_cell(con: duckdb.DuckDBPyConnection) -> None:
    texts = [r"women\'s", r"a\tb\nc\rd", r"c:\\temp", "plain", None]
    row = con.execute("select list_transform(?::varchar[], lambda t: without_escapes(t))", [texts]).fetchone()
    assert row == (["women's", "a\tb\nc\rd", r"c:\temp", "plain", None],)


@pytest.mark.parametrize(
    ("text", "rate", "expected"),
    [
        ("10.00", "1.000000", "10.00"),  # as it is written
        ("120.5", "0.024", "5020.8333"),
        ("-7", "2", "-3.5000"),
        ("many", "2", "unreadable"),
        ("10", "2,5", "unreadable"),
        ("10", "0", "unreadable"),
        (None, "2", None),
        ("10", None, None),
        (" ", "2", None),
    ],
)
def test_divided_by_a_rate(
    con: duckdb.DuckDBPyConnection, text: str | None, rate: str | None, expected: str | None
) -> None:
    assert con.execute("select divided(?::varchar, ?::varchar)", [text, rate]).fetchone() == (expected,)


def test_negated_changes_the_sign_of_numbers_only(con: duckdb.DuckDBPyConnection) -> None:
    texts = ["5", "-5.0", "oops", "", None]
    row = con.execute("select list_transform(?::varchar[], lambda t: negated(t))", [texts]).fetchone()
    assert row == (["-5", "5.0", "oops", "", None],)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("+5", "-5"), (" 5", "-5"), ("\u00a05", "-5"), ("\t-5", "5"), ("\u200b+5", "-5"), (" +x", " +x"), ("+-5", "+-5")],
)
def test_negated_sees_the_number_behind_blanks_and_a_plus(
    con: duckdb.DuckDBPyConnection, text: str, expected: str
) -> None:
    """Left as it is the number would be added where it is to be taken off."""
    assert con.execute("select negated(?)", [text]).fetchone() == (expected,)


def test_an_amount_less_another_however_their_numbers_are_written(con: duckdb.DuckDBPyConnection) -> None:
    sql = "select total_of(list_value(?::varchar, negated(?::varchar)))"
    for gross, net in (("120.00", "100.00"), ("+120.00", "+100.00"), (" 120.00 ", " 100.00 ")):
        assert con.execute(sql, [gross, net]).fetchone() == ("20.0000",)

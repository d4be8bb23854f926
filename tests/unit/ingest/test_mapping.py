"""The mapping language: what it refuses, and that each refusal names the place."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import VENDORS, load_feed, vendor_names
from smm_pipeline.feeds.constants import check_constants
from smm_pipeline.feeds.expressions import problems_of
from smm_pipeline.feeds.mapping import TimeFormat, parse_mapping
from smm_pipeline.feeds.mapping_check import check_mapping
from smm_pipeline.settings import Feed, Settings, Shop
from tests.project_catalog import project_catalog

GOOD = """
format: {kind: csv}
source_system: test
columns: [date, "Order ID"]
tables:
  calendar_day:
    columns:
      calendar_date: date
      kind: {const: payday}
      name: Order ID
"""


@pytest.mark.parametrize("vendor", vendor_names())
def test_shipped_mappings_are_right(vendor: str) -> None:
    mapping = parse_mapping((VENDORS / f"{vendor}.yml").read_text(encoding="utf-8"), where=vendor)
    check_mapping(mapping, project_catalog(), {}, where=vendor)


def test_a_good_mapping_passes() -> None:
    check_mapping(parse_mapping(GOOD, where="x"), project_catalog(), {}, where="x")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "kind: csv",
            "kind: cvs",
            "format.kind = 'cvs': Input should be 'csv', 'lines', 'jsonl', 'json', 'parquet' or 'xlsx'; did you",
        ),
        ("kind: csv", "kind: [csv, jsn]", "format.kind.1 = 'jsn': Input should be 'csv', "),
        ("kind: csv", "kind: []", "format.kind: expected one or more of csv, lines, jsonl, json, parquet, xlsx"),
        ("{kind: csv}", "csv", "format = 'csv': expected a mapping (key: value)"),
        ("{kind: csv}", "{encoding: utf-8}", "format.kind: is required: one of csv, lines, jsonl, json, parquet, xlsx"),
        ("kind: csv", "kind: csv, encoding: utf-99", "utf-99"),
        ("kind: csv", "kind: jsonl, encoding: cp1251", "format.encoding: only csv and lines have one; JSON is UTF-8"),
        (
            "kind: csv",
            "kind: lines",
            "format.kind: lines stands alone, without columns: and structure:; its one field is",
        ),
        (
            "kind: csv",
            "kind: csv, refused_name: {pattern: '(', what: a, hint: b}",
            "format.refused_name.pattern = '(': expected a regular expression: missing )",
        ),
        (
            "kind: csv",
            "kind: csv, refused_name: {pattern: a, what: b}",
            "format.refused_name.hint: is required: what",
        ),
        (
            "kind: csv",
            "kind: csv, refused_name: [{pattern: a, what: b, hint: c}, {pattern: a, what: b}]",
            "format.refused_name.1.hint: is required: what",
        ),
        ("kind: csv", "kind: lines, encoding: utf-16", "format.encoding: utf-16 has no line end of one byte, as lines"),
        (
            "kind: csv",
            "kind: csv, header_row: -1",
            "format.header_row = -1: Input should be greater than or equal to 0",
        ),
        ("kind: csv", "kind: [csv, xlsx], header_row: 0", "format.header_row: 0 (no header) is for kind csv alone"),
        (
            '{kind: csv}\nsource_system: test\ncolumns: [date, "Order ID"]',
            '{kind: csv, header_row: 0}\nsource_system: test\ncolumns: [date, "Order ID", date]',
            "columns: without a header each cell needs a name of its own; named twice: date",
        ),
        ("kind: csv", "kind: csv, delimeter: ';'", "format.delimeter: is not a key here; did you mean delimiter?"),
        ("kind: csv", "kind: csv, header_row: 2, header_within: 9", "format.header_within: expected one of header_row"),
        ("tables:", "let: {DATE: upper(date)}\ntables:", "let.DATE: there is a field date; expected a name of its own"),
        (
            "tables:",
            "let: {Delivery_Date: date}\ntables:",
            "let: Delivery_Date has a meaning already; expected a name of",
        ),
        ("tables:", "let: {_smm_row: date}\ntables:", "names must not begin with _smm_: _smm_row"),
        (
            "tables:",
            "combine: {by: date, each: date, into: delivery_date}\ntables:",
            "combine.into: delivery_date has a meaning",
        ),
        (
            "[date,",
            "[date, Date,",
            "date and Date are one name to the database; leave one out, or name a column otherwise, as in columns: {",
        ),
        ("{kind: csv}", "{kind: json, structure: {a: [{b: VARCHAR, B: VARCHAR}]}}", "b and B are one name to the data"),
        (
            "{kind: csv}",
            "{kind: json, structure: {Document: VARCHAR}, document: {a: VARCHAR}}",
            "format.structure: Document has a meaning already",
        ),
        ("kind: csv", "kind: csv, delimiter: [';', tab]", "format.delimiter.1 = 'tab': "),
        ("kind: csv", "kind: csv, delimiter: []", "format.delimiter"),
        (
            "kind: csv",
            "kind: csv, header_row: 0, delimiter: [';', '|']",
            "format.delimiter: without a header nothing tells",
        ),
        ("kind: csv", "kind: jsonl, header_within: 9", "format.header_within: only csv and xlsx have a header"),
        ("kind: csv", "kind: csv, header_within: -1", "format.header_within = -1: "),
        (
            "kind: csv",
            "kind: xlsx, member: '*.csv'",
            "format.member: out of an archive one kind of csv, jsonl and json",
        ),
        ('columns: [date, "Order ID"]', "", "columns"),
        ("calendar_day:", "calender_day:", "did you mean calendar_day?"),
        ("calendar_date:", "calendar_dat:", "did you mean calendar_date?"),
        ("{const: payday}", "{const: payday, expr: date}", "exactly one of expr and const"),
        ("{const: payday}", "{const: payday, number: {decimal: ',', thousands: ','}}", "the same sign"),
        ("{const: payday}", "{const: payday, number: {decimal: either, thousands: ','}}", "leave thousands out"),
        ("{const: payday}", "{expr: date, time: {zone: Europe/Kiyv}}", "IANA time zone"),
        (
            "{const: payday}",
            "{expr: date, time: {format: '%d.%Q'}}",
            "tables.calendar_day.columns.kind.time.format = '%d.%Q': ",
        ),
        ("{const: payday}", "{expr: date, time: {format: '%d.%m.%'}}", "expected iso, unix_s, unix_ms, unix_us, excel"),
        ("{const: payday}", "{expr: date, time: {format: unix}}", "time.format = 'unix': expected iso, unix_s, "),
        ("      name: Order ID\n", "", "no value for the required column name"),
        ("name: Order ID", "name: (select 1)", "subquery"),
        ("    columns:", "    from: unnest(x)\n    columns:", "from"),
        ("    columns:", "    key_occurrence: country\n    columns:", "key_occurrence"),
        ("tables:", "skip: [{where: 'true', reason: Bad Reason}]\ntables:", "reason"),
        ("date,", "no,", "columns.0 = False: expected text; YAML reads no, off and false without quotes as False: put"),
        ("date,", "2026-03-01,", "columns.0 = 2026-03-01: expected text; YAML reads it as a date: put it in quotes"),
        (
            ": date",
            ": on",
            "columns.calendar_date = True: expected an expression, or a mapping with expr or const; YAML",
        ),
        (": date", ":", "columns.calendar_date = None: expected an expression, or a mapping with expr or const; YAML"),
        (
            "{const: payday}",
            "{expr: yes}",
            "kind.expr = True: expected text; YAML reads yes, on and true without quotes",
        ),
        (
            "{const: payday}",
            "{cnst: payday}",
            "tables.calendar_day.columns.kind.cnst: is not a key here; did you mean const?",
        ),
        (
            "    columns:",
            "    form: records\n    columns:",
            "tables.calendar_day.form: is not a key here; did you mean from?",
        ),
        ("tables:", "skip: [{where: 'true'}]\ntables:", "skip.0.reason: is required: a name such as service_message"),
        ("tables:", "skip: [{whre: 'true'}]\ntables:", "skip.0.whre: is not a key here; did you mean where?"),
        ("tables:", "extracted_ts: {exp: a}\ntables:", "extracted_ts.exp: is not a key here; did you mean expr?"),
        ("{kind: csv}", "{kind: csv, carry: {by: date}}", "format.carry.columns: is required: columns whose blank"),
        ("{kind: csv}", "{kind: csv, carry: {by: dat, columns: [date]}}", "format.carry.by: must be a required column"),
        (
            "{kind: csv}",
            "{kind: csv, carry: {by: date, columns: [Order]}}",
            "format.carry.columns: there is no column Order; did you mean Order ID?",
        ),
        ("{kind: csv}", "{kind: parquet, carry: {by: date, columns: [date]}}", "format.carry: only csv and xlsx have"),
        (
            '{kind: csv}\nsource_system: test\ncolumns: [date, "',
            '{kind: csv, carry: {by: date, columns: [date]}}\nsource_system: test\ncolumns: [date, group_row, "',
            "columns: group_row is the place of a row in its group",
        ),
        ("{kind: csv}", "{kind: csv, nest: {parent: a, key: b, into: date}}", "format.nest: only jsonl has lines that"),
        (
            "{kind: csv}",
            "{kind: jsonl, structure: {parts: [{a: VARCHAR}]}, nest: {parent: a, key: b, into: part}}",
            "format.nest.into: must be a list of the structure; did you mean parts?",
        ),
        ("tables:", "required_columns: date\ntables:", "required_columns = 'date': expected a list"),
        (
            "[date,",
            "{date: [Order ID], Order ID: 5, x: [date]} #",
            "columns: a header's name for two columns: Order ID, date",
        ),
        ("[date,", "{date: {a: b}} #", "columns.date: expected a list"),
        (
            "{const: payday}",
            "{expr: date, map: {x: {til: 2026-01-01}}}",
            "map.x.til: is not a key here; did you mean until?",
        ),
        ("{const: payday}", "{expr: date, map: {x: {until: spring}}}", "columns.kind.map.x.until = 'spring': "),
        (
            "{const: payday}",
            "{expr: date, map: {x: no}}",
            "kind.map.x = False: expected text; YAML reads no, off and false",
        ),
        (
            "{const: payday}",
            "{expr: date, map: {x: {since: 2026-01-02, until: 2026-01-02}}}",
            "columns.kind.map.x: expected since before until",
        ),
        (
            "tables:",
            "extracted_ts: {expr: date, map: {x: {until: 2026-01-02}}}\ntables:",
            "extracted_ts.map: since and until are for columns of a contract with a day",
        ),
        (
            GOOD[GOOD.index("  calendar_day:") :],
            "  community: {columns: {network: x, community_id: x, brand: {expr: date, map: {x: {since: 2026-01-02}}}}}",
            "tables.community: columns.brand.map: since and until need a contract with a day, and community has none",
        ),
        ("tables:", "combine: {by: date, each: name, into: date}\ntables:", "combine.into: date has a meaning already"),
        (
            "tables:",
            "let: {All: date, Total: date}\ncombine: {by: date, each: name, into: all}\ntables:",
            "combine.into: all has a meaning already",
        ),
        ("tables:", "let: {Total: date, total: date}\ntables:", "let: Total and total are one name to the database"),
        ("kind: csv", "kind: json, error: {code: $.c, message: $.m, ok: {a: 1}}", "format.error.ok: expected a list"),
        ("tables:", "combine: {by: date}\ntables:", "combine.each: is required: an expression: what every part brings"),
        ("tables:", "combine: {by: now(), each: date, into: x}\ntables:", "combine.by: function now is not allowed"),
        (GOOD[GOOD.index("tables:") :], "tables: {}", "tables: expected an entry per contract to fill"),
        (GOOD, "a: [", "not valid YAML"),
    ],
)
def test_mistakes_are_named(old: str, new: str, says: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(SmmError) as raised:
        check_mapping(parse_mapping(text, where="x.yml"), project_catalog(), {}, where="x.yml")
    assert raised.value.code == "SMM-204"
    assert "x.yml" in raised.value.where
    assert says in raised.value.what


@pytest.mark.parametrize("pattern", ["iso", "unix_us", "%d.%m.%Y", "%-d/%-m/%y %I:%M:%S.%f %p %z", "100%%%Y", "%n %g"])
def test_patterns_of_time_that_duckdb_knows_pass(pattern: str) -> None:
    assert TimeFormat(format=pattern).format == pattern
    with duckdb.connect() as con:
        con.execute("explain select try_strptime(t, ?) from (values ('x')) v(t)", [pattern])


@pytest.mark.parametrize(
    "expression",
    [
        "a", "lower(a) || 'x'", "list_transform(l, lambda e:e.k)", "[x.k for x in l if x.k = 1]", "a[1].b.c",
        "try_cast(a as bigint)", "case when a in ('x', 'y') and (b or c) then 1 else 2 end", "value_of(l, 'k').s",
        "constant('brand')", "a - interval 1 second", "struct_pack(key := a, value := 'read_text(1)')",
        "cast(a as decimal(18, 4))",
    ],
)  # fmt: skip
def test_plain_expressions_pass(expression: str) -> None:
    assert problems_of(expression) == []


@pytest.mark.parametrize(
    "expression",
    [
        "(select 1)", "(from other)", "exists (select 1)", "a in (select b from t)", "read_text('x')", "getenv('HOME')",
        "\"read_text\"('x')", "system.main.getenv('HOME')", "current_setting('x')", "now()", "random()", "sum(a)",
        "count(*)", "row_number() over ()", "unnest(a)", "a; drop table t", "drop table t", "attach 'x'", "install x",
        "copy t to 'x'", "set x = 1", "$1", "?", "a -- b", "a /* b */", "a,", "", "current_date", "localtimestamp",
        "a || session_user",
    ],
)  # fmt: skip
def test_anything_else_is_refused(expression: str) -> None:
    assert problems_of(expression)


@pytest.mark.parametrize(
    ("vendor", "constant", "says"),
    [
        (
            "woocommerce_orders",
            "storeid",
            "feeds.x.constants.storeid: nothing reads this constant; did you mean store_id?",
        ),
        ("youscan", "brnd", "feeds.x.constants.brnd: nothing reads this constant; did you mean brand?"),
        # No column of the contract: an expression asks for it.
        ("telegram_export", "reaction", "did you mean reactions?"),
        ("telegram_views", "zzz", "the mapping takes: "),
        # Of names that begin so any is taken: status_packed.
        ("woocommerce_orders", "statuspacked", "status_..., store_id"),
        ("opencart_orders", "sales_channel", "feeds.x.constants.sales_channel: nothing reads this constant; "),
    ],
)
def test_a_constant_that_nothing_reads_is_refused(tmp_path: Path, vendor: str, constant: str, says: str) -> None:
    """It was ignored without a word, and the column it was meant for stayed at its default."""
    feed = Feed(vendor=vendor, constants={constant: "1"})
    shop = Shop(name="x", time_zone="UTC", currency="UAH")
    with pytest.raises(SmmError) as raised:
        load_feed("x", Settings(home=tmp_path, shop=shop, feeds={"x": feed}), project_catalog())
    assert (raised.value.code, raised.value.where) == ("SMM-102", str(tmp_path / "smm.toml"))
    assert says in raised.value.what


def test_constants_that_something_reads_pass() -> None:
    """A column left open, one filled by an expression, the mapping's own constant, names that expressions read."""
    for text, given in (
        (GOOD, {"country": "1", "name": "1", "kind": "payday"}),
        (GOOD.replace("{const: payday}", "\"coalesce(constant('sort'), 'payday')\""), {"sort": "1"}),
        (GOOD.replace("{const: payday}", "constant(lower(date))"), {"anything": "1"}),
        (GOOD.replace("{const: payday}", "constant('kind_' || date)"), {"kind_a": "1", "kind_2026-03-01": "1"}),
    ):
        check_constants(parse_mapping(text, where="x"), project_catalog(), given, key="k", where="x")


def test_unknown_vendor_is_named(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, shop=Shop(name="x", time_zone="UTC", currency="UAH"), feeds={"web": Feed(vendor="g4a")}
    )
    with pytest.raises(SmmError, match="did you mean ga4") as raised:
        load_feed("web", settings, project_catalog())
    assert raised.value.code == "SMM-204"

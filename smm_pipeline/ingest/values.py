"""SQL that turns text into typed values, strictly.

Belongs here: one SQL fragment per contract type (a value, or NULL where the text is none), the literals that mean NULL,
and the functions that mappings may call. DuckDB's own TRY_CAST is not strict enough: it takes `1_000`, `1e3` and `nan`
for numbers. Does not belong here: which column gets which value, what is done to addresses (addresses.py).
"""

from __future__ import annotations

import re
from html.entities import name2codepoint

import duckdb

from smm_pipeline.feeds import FeedSource
from smm_pipeline.feeds.mapping import ColumnRule, NumberFormat, TimeFormat
from smm_pipeline.ingest.addresses import ADDRESS_MACROS, OWN_HOSTS, own_hosts_pattern
from smm_pipeline.ingest.web_requests import REQUEST_MACROS
from smm_pipeline.quoting import sql_day, sql_text
from smm_pipeline.settings import Settings

_GOOGLE_NULLS = ("(not set)", "(data deleted)", "not available in demo dataset")
NULL_TEXTS = ("", "NULL", "null", "N/A", "-", *_GOOGLE_NULLS, "undefined", "—")
# Of an IN with more literals DuckDB makes a join, one for each column, which takes longer to plan and to run.
_IN_AT_MOST = 4
# (none) is a medium of its own, but no source.
NULL_SOURCES = (*NULL_TEXTS, "(none)")
SOURCE_COLUMNS = frozenset({"utm_source"})

_ISO = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?"
_OFFSET = r"(Z| UTC| ?[+-]\d{2}(:?\d{2})?)"
_UNIX_DIVISOR = {"unix_s": 1_000_000, "unix_ms": 1_000, "unix_us": 1}
UNIX_FORMATS = frozenset(_UNIX_DIVISOR)
# Seconds declared as milliseconds, or these as microseconds, fall into January 1970: no such number is a time.
_MIN_MICROSECONDS = 31_536_000_000_000
# Last microsecond of the year 9999.
_MAX_MICROSECONDS = 253_402_300_799_999_999

# A small number may come with an exponent: databases write 0.00001 as 1e-05.
PLAIN_NUMBER = r"[+-]?\d+(\.\d+)?([eE]-\d{1,3})?"
# No number and no time: a value made of others that cannot be read becomes a reject.
UNREADABLE = "unreadable"

# One element of an array in a cell: a quoted text, or a number or word that stands bare.
_ELEMENT = r"(?:''(?:[^''\\]|\\.)*''|[^\s\[\],''\\][^\[\],''\\]*)"

# HTML 4, and the one that XML adds.
_ENTITIES = {**name2codepoint, "apos": 39}

# Blanks, and what is copied along with a text and seen by nobody: the sign of a file's byte order, zero-width signs,
# marks of the direction of writing. Within a text they stay: emoji and some languages are written with them.
BLANKS = " \t\r\n"
UNSEEN = (
    BLANKS
    + "\u00a0\ufeff"
    + "".join(map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A))))
)


def known_text(column: str, text: str) -> str:
    """Trimmed text, or NULL where it is a literal that means unknown; `column` decides about (none)."""
    literals = [sql_text(t) for t in (NULL_SOURCES if column in SOURCE_COLUMNS else NULL_TEXTS)]
    few = (", ".join(literals[at : at + _IN_AT_MOST]) for at in range(0, len(literals), _IN_AT_MOST))
    return f"case when {' or '.join(f'{text} in ({some})' for some in few)} then null else {text} end"


# Macros keep the generated statements readable; they live and die with the connection.
MACROS = {
    # The value of a key in a list of {key, value}, as GA4 and WooCommerce write their parameters.
    "value_of(list, name)": "list[list_position(list_transform(list, lambda e: e.key), name)].value",
    # 1.2K and 3,4M, as networks show counters, in whole numbers; any other text stays as it is.
    "unrounded(t)": r"""
        case when regexp_full_match(t, '\d{1,9}([.,]\d{1,3})?[KMkm]')
        then cast(cast(cast(replace(left(t, length(t) - 1), ',', '.') as decimal(12, 3))
            * case when upper(right(t, 1)) = 'K' then 1000 else 1000000 end as bigint) as varchar)
        else t end""",
    # The number with the other sign, also one behind blanks or a plus; any other text stays as it is.
    "negated(t)": rf"""
        case when regexp_matches(t, '^[{UNSEEN}]*-\d') then regexp_replace(t, '^[{UNSEEN}]*-', '')
        when regexp_matches(t, '^[{UNSEEN}]*\+?\d') then '-' || regexp_replace(t, '^[{UNSEEN}]*\+?', '') else t end""",
    "_smm_character(n)": "case when n between 32 and 55295 or n between 57344 and 1114111 then chr(n) end",
    "_smm_entity(name)": f"""
        case when name[1] = '#'
        then _smm_character(try_cast(replace(lower(name[2:]), 'x', '0x') as int))
        else chr(map {{{", ".join(f"{sql_text(name)}: {code}" for name, code in _ENTITIES.items())}}}[name]) end""",
    # &amp; &quot; &#8217; of HTML as their characters, each once: &amp;lt; becomes &lt;. Other text stays as it is.
    "unescaped(t)": r"""
        case when contains(t, '&')
        then string_split(t, '&')[1] || array_to_string(list_transform(string_split(t, '&')[2:], lambda p: coalesce(
            _smm_entity(regexp_extract(p, '^(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,7});', 1))
            || substr(p, strpos(p, ';') + 1), '&' || p)), '')
        else t end""",
    # What ClickHouse and Yandex write into a cell: \t \n \r \' and a doubled backslash, each once.
    "without_escapes(t)": r"""
        case when contains(t, '\')
        then array_to_string(list_transform(string_split(t, '\\'), lambda p: replace(replace(replace(replace(
            p, '\t', chr(9)), '\n', chr(10)), '\r', chr(13)), '\''', '''')), '\')
        else t end""",
    # An array in a cell, [1,2] or ['a','b\'c'], as texts; its quotes may be escaped once more. Other text: NULL.
    # A macro copies its argument to every use; within a lambda it is planned, and computed, once.
    "list_of(t)": rf"""
        list_transform([case when starts_with(t, '[\''') then without_escapes(t) else t end], lambda a:
            case when regexp_full_match(a, '\[\s*\]') then cast([] as varchar[])
            when regexp_full_match(a, '(?s)\[\s*{_ELEMENT}(?:\s*,\s*{_ELEMENT})*\s*\]')
            then list_transform(regexp_extract_all(a, '(?s){_ELEMENT}'), lambda e:
                case when e[1] = '''' then without_escapes(e[2:-2]) else rtrim(e) end) end)[1]""",
    # Looking at the ends first is six times faster than trimming everything, and comparing whole texts, of which the
    # first bytes decide, faster than cutting the first character out. Most texts are ASCII, with as many bytes as
    # characters: fewer signs are unseen there, and all forms are normal.
    "_smm_trim(t)": f"""
        case when strlen(t) > length(t)
        then nfc_normalize(case when contains({sql_text(UNSEEN)}, t[1]) or contains({sql_text(UNSEEN)}, t[-1])
            then trim(t, {sql_text(UNSEEN)}) else t end)
        when t < '!' or t[-1] <= ' ' then trim(t, {sql_text(BLANKS)}) else t end""",
    "_smm_known(texts)": f"""
        list_transform(list_transform(texts, lambda t: _smm_trim(t)), lambda t: {known_text("", "t")})""",
    "_smm_total(texts)": rf"""
        case when len(list_filter(texts, lambda t: t is not null
            and try_cast(case when regexp_full_match(t, '{PLAIN_NUMBER}') then t end as decimal(18, 4)) is null)) > 0
        then '{UNREADABLE}'
        when len(list_filter(texts, lambda t: t is null)) = 0
        then cast(list_sum(list_transform(texts, lambda t: try_cast(t as decimal(18, 4)))) as varchar) end""",
    # The sum of a list of numbers as text: unknown when one of them is, a reject when one cannot be read.
    "total_of(texts)": "list_transform([_smm_known(texts)], lambda known: _smm_total(known))[1]",
    "_smm_divided(t, rate)": f"""
        case when t is null or rate is null then null
        when not regexp_full_match(t, '{PLAIN_NUMBER}') or not regexp_full_match(rate, '{PLAIN_NUMBER}')
            or cast(rate as double) = 0 then '{UNREADABLE}'
        when cast(rate as double) = 1 then t
        else coalesce(
            cast(try_cast(round(cast(t as double) / cast(rate as double), 4) as decimal(18, 4)) as varchar),
            '{UNREADABLE}') end""",
    # An amount by a rate, to four places: unknown where one is, a reject when one cannot be read or the rate is 0.
    # Lists name the two once: written out in each place, a sum within would be computed many times over.
    "divided(t, rate)": """
        list_transform([_smm_known([t, rate])], lambda p: _smm_divided(p[1], p[2]))[1]""",
}


def define_macros(con: duckdb.DuckDBPyConnection, constants: dict[str, str]) -> None:
    """Make the functions of mapping expressions known to a connection; `constants` are those of one feed."""
    cases = " ".join(f"when {sql_text(k)} then {sql_text(v)}" for k, v in constants.items())
    body = f"case name {cases} end" if cases else "case when name is null then '' end"
    con.execute(f"create or replace temp macro constant(name) as {body}")
    for signature, body in {**MACROS, **ADDRESS_MACROS, **REQUEST_MACROS}.items():
        con.execute(f"create or replace temp macro {signature} as {body}")


def define_feed_macros(con: duckdb.DuckDBPyConnection, source: FeedSource, settings: Settings) -> None:
    """Make the functions known with the constants of a feed, and the shop's own hosts as one of them."""
    define_macros(con, {**source.feed.constants, OWN_HOSTS: own_hosts_pattern(settings.shop.own_hosts)})


def mapped_text(rule: ColumnRule, text: str) -> str:
    """Text after the rule's map; unmapped values stay, or become `otherwise`."""
    if not rule.map:
        return text
    pairs = [(k, k if target.to is None else target.to) for k, target in rule.map.items()]
    cases = " ".join(f"when {sql_text(k)} then {sql_text(v)}" for k, v in pairs)
    if rule.otherwise is None:
        return f"case {text} {cases} else {text} end"
    return f"case when {text} is null then null else case {text} {cases} else {sql_text(rule.otherwise)} end end"


def untimely_sql(rule: ColumnRule, text: str, day: str) -> str:
    """SQL of the reason why a vendor's text means nothing on the row's day; NULL where it does, or no day is known."""
    cases = []
    for name, target in rule.map.items():
        is_name = f"when {text} = {sql_text(name)} and {day}"
        if target.since:
            cases.append(f"{is_name} < {sql_day(target.since)} then {sql_text('not_yet:' + name)}")
        if target.until:
            cases.append(f"{is_name} >= {sql_day(target.until)} then {sql_text('retired:' + name)}")
    return f"case {' '.join(cases)} end"


def typed(type_: str, text: str, rule: ColumnRule, zone: str) -> tuple[str, str]:
    """SQL of the typed value, and the reason code when the text is none.

    Args:
        type_: type of the contract column.
        text: SQL of the cleaned text.
        rule: says how the source writes numbers and times.
        zone: zone of instants without offset.
    """
    if type_ == "VARCHAR":
        return text, ""
    if type_ == "BOOLEAN":
        yes, no = "'true', 't', 'yes', 'y', '1'", "'false', 'f', 'no', 'n', '0'"
        lower = f"lower({text})"
        return f"case when {lower} in ({yes}) then true when {lower} in ({no}) then false end", "bad_boolean"
    if type_ == "TIMESTAMPTZ":
        return _instant(text, rule.time, zone), "bad_time"
    if type_ == "DATE":
        return _day(text, rule.time, zone), "bad_date"
    return _number(type_, text, rule.number), "bad_number"


def typed_cell(type_: str, text: str, rule: ColumnRule, zone: str) -> str:
    """SQL of the typed value of a workbook's number, day or instant, whose text no format of the rule describes.

    Workbooks do not tell a day from its midnight. A time the rule knows as a number (unix_s, %Y%m%d) may be a number
    there too.
    """
    if type_ not in ("TIMESTAMPTZ", "DATE"):
        plain = rule.model_copy(update={"number": NumberFormat(divide_by=rule.number.divide_by)})
        return typed(type_, text, plain, zone)[0]
    plain = rule.model_copy(update={"time": TimeFormat(zone=rule.time.zone)})
    instant = f"case when length({text}) = 10 and {text}[5] = '-' then {text} || 'T00:00:00' else {text} end"
    value = typed(type_, f"({instant})" if type_ == "TIMESTAMPTZ" else text, plain, zone)[0]
    return f"coalesce({value}, {typed(type_, text, rule, zone)[0]})"


# All ways of a hand-kept table. A number that two of them read differently, such as 1,250, is none.
_EITHER = ((".", ","), (".", " "), (",", "."), (",", " "))


def _number(type_: str, text: str, fmt: NumberFormat) -> str:
    if fmt.decimal == "either":
        ways = [fmt.model_copy(update={"decimal": point, "thousands": comma}) for point, comma in _EITHER]
        values = ", ".join(_number(type_, text, way) for way in ways)
        return f"case when least({values}) = greatest({values}) then least({values}) end"
    point, comma = _pattern(fmt.decimal), _pattern(fmt.thousands)
    grouped = rf"|\d{{1,3}}({comma}\d{{3}})+" if fmt.thousands else ""
    fraction = rf"({point}0+)?" if type_ == "BIGINT" and fmt.divide_by == 1 else rf"({point}\d+)?"
    bare = text
    for sign in fmt.strip:
        bare = f"replace({bare}, {sql_text(sign)}, '')"
    if fmt.thousands == " ":
        bare = f"translate({bare}, chr(160) || chr(8239) || chr(8201), '   ')"
    if fmt.strip:
        bare = f"trim({bare})"
    plain = f"replace({bare}, {sql_text(fmt.thousands)}, '')" if fmt.thousands else bare
    if fmt.decimal != ".":
        plain = f"replace({plain}, {sql_text(fmt.decimal)}, '.')"
    if type_ == "BIGINT" and fmt.divide_by == 1:
        plain = f"split_part({plain}, '.', 1)"
    value = f"try_cast({plain} as {type_})"
    if fmt.divide_by != 1:
        places = len(str(fmt.divide_by)) - 1
        factor = f"cast(0.{'0' * (places - 1)}1 as decimal({places + 1}, {places}))"
        value = f"try_cast(try_cast({plain} as decimal(24, 4)) * {factor} as {type_})"
    small = "" if type_ == "BIGINT" else r"([eE]-\d{1,3})?"
    pattern = rf"[+-]?(\d+{grouped}){fraction}{small}"
    return f"case when regexp_full_match({bare}, {sql_text(pattern)}) then {value} end"


def _pattern(sign: str) -> str:
    return r"\." if sign == "." else sign


def _instant(text: str, fmt: TimeFormat, zone: str) -> str:
    zone_sql = sql_text(fmt.zone or zone)
    if fmt.format in _UNIX_DIVISOR:
        factor = _UNIX_DIVISOR[fmt.format]
        count, low, high = f"cast({text} as bigint)", _MIN_MICROSECONDS // factor, _MAX_MICROSECONDS // factor
        # In this order: no text that is none is cast, and none that is too large multiplied.
        return (
            rf"case when regexp_full_match({text}, '\d{{1,18}}') then "
            f"case when {count} between {low} and {high} then make_timestamptz({count} * {factor}) end end"
        )
    if fmt.format == "excel":
        return f"timezone({zone_sql}, {_cell_time(text)})"
    if fmt.format != "iso":
        parsed = f"try_strptime({text}, {sql_text(fmt.format)})"
        return parsed if _tells_zone(fmt.format) else f"timezone({zone_sql}, {parsed})"
    plain = f"replace({text}, ',', '.')"
    return (
        f"case when regexp_full_match({text}, '{_ISO}{_OFFSET}') then {_with_offset(text)} "
        f"when regexp_full_match({text}, '{_ISO}') then timezone({zone_sql}, try_cast({plain} as timestamp)) end"
    )


def _tells_zone(pattern: str) -> bool:
    """Whether a strptime pattern reads an offset or the name of a zone: an instant is parsed then, no local time."""
    return re.search("%[zZ]", pattern.replace("%%", "")) is not None


def _day(text: str, fmt: TimeFormat, zone: str) -> str:
    zone_sql = sql_text(fmt.zone or zone)
    if fmt.format in _UNIX_DIVISOR:
        return f"cast(timezone({zone_sql}, {_instant(text, fmt, zone)}) as date)"
    if fmt.format == "excel":
        return f"cast({_cell_time(text)} as date)"
    if fmt.format != "iso":
        parsed = f"try_strptime({text}, {sql_text(fmt.format)})"
        return f"cast({f'timezone({zone_sql}, {parsed})' if _tells_zone(fmt.format) else parsed} as date)"
    # A time without offset names its own day; only one with offset has to be brought to the zone.
    return (
        rf"case when regexp_full_match({text}, '\d{{4}}-\d{{2}}-\d{{2}}') then try_cast({text} as date) "
        f"when regexp_full_match({text}, '{_ISO}') then cast(try_cast(replace({text}, ',', '.') as timestamp) as date) "
        f"when regexp_full_match({text}, '{_ISO}{_OFFSET}') "
        f"then cast(timezone({zone_sql}, {_with_offset(text)}) as date) end"
    )


def _cell_time(text: str) -> str:
    """The local time of a number as cells hold it: days since 1899-12-30, to the millisecond that spreadsheets keep.

    Numbers below 61 are none: Excel counts a 29th of February in 1900, and others do not.
    """
    days = f"try_cast(replace({text}, ',', '.') as double)"
    return (
        rf"case when regexp_full_match({text}, '\d{{2,7}}([.,]\d{{1,16}})?') and {days} >= 61 and {days} < 2958466 "
        f"then timestamp '1899-12-30' + to_milliseconds(cast(round({days} * 86400000) as bigint)) end"
    )


def _with_offset(text: str) -> str:
    """The instant of an ISO text with an offset; DuckDB takes no blank before one of four digits."""
    return f"try_cast(replace(replace(replace({text}, ',', '.'), ' +', '+'), ' -', '-') as timestamptz)"

"""The suite format and its check: what a file in expectations/ may say.

Belongs here: the expectation types this project uses with their arguments, and `check_suite`, which refuses
whatever Great Expectations would drop or accept in silence. Does not belong here: anything that imports Great
Expectations or touches data; that is runner.py.

A suite is a mapping with one key, `expectations`, a list of entries:

    - id: order_key_unique                 # stable, snake_case; names the check in Dagster and in the results
      type: expect_compound_columns_to_be_unique
      kwargs: {column_list: [source_system, order_id]}
      severity: critical                   # critical blocks, warning and info only tell
      description: An order stands in the table once.
      about: now                           # optional: of the newest day alone, with one verdict

A rule that no built-in type expresses is an `unexpected_rows_expectation`: a SELECT of the offending rows. It
names the checked rows as `{batch}` and, in a partitioned table, the days being checked as `{days}` (one DATE
column, `day`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal, get_args

import sqlglot
from sqlglot import exp

from smm_pipeline.catalog import TableSpec

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
QUERY_TYPE = "unexpected_rows_expectation"
_ENTRY_KEYS = frozenset({"id", "type", "kwargs", "severity", "description"})
_OPTIONAL_KEYS = frozenset({"about"})
_BOUNDS = frozenset({"min_value", "max_value"})
# Types that speak of the table as a whole; every other one names rows that break it, and holds where there are none.
_OF_THE_WHOLE = frozenset({"expect_table_row_count_to_be_between", "expect_column_max_to_be_between"})


@dataclass(frozen=True)
class _Arguments:
    """Arguments of an expectation type: `columns` name columns, `bounded` asks for a minimum or a maximum."""

    columns: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    bounded: bool = False


def _arguments(columns: str = "", required: str = "", optional: str = "", *, bounded: bool = False) -> _Arguments:
    return _Arguments(
        frozenset(columns.split()),
        frozenset(columns.split()) | frozenset(required.split()),
        frozenset(optional.split()) | (_BOUNDS if bounded else frozenset()),
        bounded,
    )


# Only types on which Great Expectations over SQL and over pandas were seen to agree; a new one needs its case
# in tests/contract/test_gx_agreement.py first.
EXPECTATION_TYPES: Mapping[str, _Arguments] = {
    "expect_table_row_count_to_be_between": _arguments(bounded=True),
    "expect_column_values_to_not_be_null": _arguments("column", optional="mostly"),
    "expect_column_values_to_be_unique": _arguments("column"),
    "expect_column_values_to_be_in_set": _arguments("column", "value_set", "mostly"),
    "expect_column_values_to_be_between": _arguments("column", optional="mostly strict_min strict_max", bounded=True),
    "expect_column_values_to_match_regex": _arguments("column", "regex", "mostly"),
    "expect_column_value_lengths_to_equal": _arguments("column", "value", "mostly"),
    "expect_column_max_to_be_between": _arguments("column", optional="strict_min strict_max", bounded=True),
    "expect_column_pair_values_a_to_be_greater_than_b": _arguments(
        "column_A column_B", optional="or_equal ignore_row_if mostly"
    ),
    "expect_compound_columns_to_be_unique": _arguments("column_list"),
    QUERY_TYPE: _arguments(required="unexpected_rows_query"),
}


def check_suite(suite: Mapping[str, Any] | None, spec: TableSpec) -> list[str]:
    """All that is wrong with a suite, as sentences that name the entry; empty when it may be used.

    Pure: reads neither files nor data and does not import Great Expectations.
    """
    if not isinstance(suite, Mapping):
        return ["there is no suite"]
    problems = [f"unknown key {key!r} at the top" for key in suite if key != "expectations"]
    entries = suite.get("expectations")
    if not isinstance(entries, list) or not entries:
        return [*problems, "the suite is empty, and an empty suite always passes"]
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, Mapping):
            problems.append(f"entry {number} is not a mapping")
            continue
        name = entry.get("id", f"entry {number}")
        problems.extend(f"{name}: {problem}" for problem in _check_entry(entry, spec))
        if name in seen:
            problems.append(f"{name}: this id is used twice")
        seen.add(str(name))
    return problems


def holds_without_rows(entry: Mapping[str, Any]) -> bool:
    """Whether an expectation cannot fail on no rows, as the expectations of a table that no feed fills.

    A query cannot where each of its rows is made from rows of `{batch}`: it reads nothing else, and it does not
    aggregate over all of them, which gives a row where there is none.
    """
    if entry["type"] != QUERY_TYPE:
        return entry["type"] not in _OF_THE_WHOLE
    query = str(entry["kwargs"]["unexpected_rows_query"])
    if "{days}" in query:
        return False
    tree = sqlglot.parse_one(query.format(batch="batch"), read="duckdb")
    if tree.find(exp.With, exp.Values, exp.Unnest) or {table.sql() for table in _tables(tree)} != {"batch"}:
        return False
    return all(
        select.args.get("from_") is not None and (select.args.get("group") is not None or not any(_aggregates(select)))
        for select in tree.find_all(exp.Select)
    )


def _tables(tree: exp.Expr) -> Iterator[exp.Table]:
    for table in tree.find_all(exp.Table):
        bare = table.copy()
        bare.set("alias", None)
        yield bare


def _aggregates(select: exp.Select) -> Iterator[exp.Expr]:
    """Aggregates of this SELECT itself, not of one inside it, and not over a window."""
    for node in select.find_all(exp.AggFunc):
        if node.find_ancestor(exp.Select) is select and not isinstance(node.parent, exp.Window):
            yield node


def _check_entry(entry: Mapping[str, Any], spec: TableSpec) -> Iterator[str]:
    for key in entry.keys() - _ENTRY_KEYS - _OPTIONAL_KEYS:
        yield f"unknown key {key!r}"
    if entry.get("about", "now") != "now":
        yield f"about {entry['about']!r} is not 'now'"
    for key in sorted(_ENTRY_KEYS - entry.keys()):
        yield f"has no {key}"
    if "id" in entry and not re.fullmatch(r"[a-z][a-z0-9_]*", str(entry["id"])):
        yield "the id is not snake_case"
    if "severity" in entry and entry["severity"] not in SEVERITIES:
        yield f"severity {entry['severity']!r} is none of {', '.join(SEVERITIES)}"
    if "description" in entry and not str(entry["description"] or "").strip():
        yield "the description is empty"
    if "type" not in entry or not isinstance(entry.get("kwargs"), Mapping):
        return
    arguments = EXPECTATION_TYPES.get(entry["type"])
    if arguments is None:
        yield f"unknown expectation type {entry['type']!r}"
    else:
        yield from _check_kwargs(entry["kwargs"], arguments, spec)


def _check_kwargs(kwargs: Mapping[str, Any], arguments: _Arguments, spec: TableSpec) -> Iterator[str]:
    for key in sorted(kwargs.keys() - arguments.required - arguments.optional):
        yield f"unknown argument {key!r}"
    for key in sorted(arguments.required - kwargs.keys()):
        yield f"lacks the argument {key!r}"
    if arguments.bounded and all(kwargs.get(bound) is None for bound in _BOUNDS):
        yield "has neither min_value nor max_value, so it always passes"
    known = {column.name for column in spec.stored_columns}
    for key in sorted(arguments.columns & kwargs.keys()):
        named = kwargs[key] if isinstance(kwargs[key], list) else [kwargs[key]]
        yield from (f"unknown column {column!r}" for column in named if column not in known)
    for key, value in kwargs.items():
        yield from _check_value(key, value, spec)


def _check_value(key: str, value: object, spec: TableSpec) -> Iterator[str]:
    if key == "column_list" and not (isinstance(value, list) and len(value) > 1):
        yield "column_list needs two columns or more; for one, use expect_column_values_to_be_unique"
    elif key == "mostly" and not (isinstance(value, float) and 0 < value < 1):
        yield f"mostly {value!r} is not a share between 0 and 1"
    elif key == "value_set" and not (isinstance(value, list) and value):
        yield "value_set is not a list with values"
    elif key == "regex":
        yield from _check_regex(value)
    elif key == "unexpected_rows_query":
        yield from _check_query(str(value), spec)


def _check_regex(regex: object) -> Iterator[str]:
    try:
        re.compile(str(regex))
    except re.error as error:
        yield f"the regular expression is wrong: {error}"


def _check_query(query: str, spec: TableSpec) -> Iterator[str]:
    try:
        fields = {name for _, name, _, _ in Formatter().parse(query) if name is not None}
    except ValueError as error:
        yield f"the query has an unpaired brace: {error}"
        return
    if "batch" not in fields:
        yield "the query does not name {batch}, so it would not look at the checked rows"
    if unknown := sorted(fields - {"batch", "days"}):
        yield f"the query has unknown placeholders: {', '.join(unknown)}"
        return
    if "days" in fields and spec.partition is None:
        yield "the query names {days}, but the table has no partition"
    try:
        statements = sqlglot.parse(query.format(batch="batch", days="days"), read="duckdb")
    except sqlglot.ParseError as error:
        yield f"the query does not parse: {str(error).splitlines()[0]}"
        return
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        yield "the query is not one SELECT"

"""The rules of the portable SQL subset, checked on the parsed tree.

Belongs here: one `Rule` per construct that DuckDB and Spark read differently, that one of them lacks, or that gives
another answer on the next run; each with an example that trips it. Does not belong here: layout, which sqlfluff holds.
The SQL files run as written on DuckDB and, translated by sqlglot, on Spark; a construct that translates without an
error can still change its meaning, so every such construct is refused here by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

Schema = Mapping[str, Mapping[str, Mapping[str, str]]]  # schema -> table -> column -> DuckDB type

ORDERED_WINDOWS = (
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile,
    exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue,
)  # fmt: skip
VOLATILE = (exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.Rand, exp.Uuid)
# Functions that sqlglot passes on by name; each is known to Spark under this name with the same meaning.
# Our own (warehouse/functions.py) are registered under the same name.
SAME_ON_SPARK = frozenset({"url_decode", "attribution_models"})


@dataclass(frozen=True)
class Rule:
    """One refused construct: what to write instead, an example that must trip it, and the test on a node."""

    name: str
    instead: str
    example: str
    broken_by: Callable[[exp.Expr], bool]


def problems(sql: str, schema: Schema) -> list[str]:
    """Every breach of the subset in one SQL file, in words; empty when the file is portable."""
    statements = sqlglot.parse(sql, read="duckdb")
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return ["a file holds exactly one SELECT"]
    tree = statements[0]
    found = [
        f"{rule.name}: {node.sql(dialect='duckdb')[:120]} (write {rule.instead})"
        for node in tree.walk()
        for rule in RULES
        if rule.broken_by(node)
    ]
    found += [f"date - date: {text} (write date_diff('day', a, b))" for text in _date_subtractions(tree, schema)]
    try:
        tree.sql(dialect="spark", unsupported_level=ErrorLevel.RAISE)
    except sqlglot.UnsupportedError as error:
        found.append(f"Spark has no such thing: {error}")
    return found


def _date_subtractions(tree: exp.Expr, schema: Schema) -> Iterator[str]:
    """`date - date` is a number of days on DuckDB and an interval on Spark; only types can tell."""
    typed = annotate_types(qualify(tree.copy(), schema=dict(schema), dialect="duckdb"), schema=dict(schema))
    for node in typed.find_all(exp.Sub):
        if all(side.is_type(exp.DType.DATE) for side in (node.left, node.right)):
            yield node.sql(dialect="duckdb")


def _ordered(node: exp.Expr) -> bool:
    return isinstance(node.this, exp.Order)


def _maybe_null(node: exp.Expr) -> bool:
    """An arg_min or arg_max whose value may be NULL: DuckDB skips such rows, Spark keeps them.

    A value that is part of the order itself is a key, and keys are not NULL.
    """
    if isinstance(node.this, exp.Struct | exp.Tuple | exp.Literal) or isinstance(node.parent, exp.Filter):
        return False
    return node.this not in node.expression.expressions


def _unguarded_divisor(node: exp.Expr) -> bool:
    divisor = node.expression.unnest() if isinstance(node.expression, exp.Paren) else node.expression
    return not isinstance(divisor, exp.Nullif) and not (isinstance(divisor, exp.Literal) and divisor.name != "0")


def _by_name(node: exp.Expr, *names: str) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in names


def _unordered_window(node: exp.Expr) -> bool:
    if not isinstance(node, exp.Window) or node.args.get("order"):
        return False
    function = node.this.this if isinstance(node.this, exp.IgnoreNulls | exp.RespectNulls) else node.this
    return isinstance(function, ORDERED_WINDOWS)


RULES: tuple[Rule, ...] = (
    Rule(
        "ASOF or POSITIONAL join",
        "a range join and row_number()",
        "select a.x from core.a asof join core.b on a.ts >= b.ts",
        lambda n: isinstance(n, exp.Join) and n.method in ("ASOF", "POSITIONAL", "NATURAL"),
    ),
    Rule(
        "PIVOT",
        "aggregates with FILTER",
        "select * from core.a pivot (sum(y) for x in ('p', 'q'))",
        lambda n: isinstance(n, exp.Pivot),
    ),
    Rule(
        "generated series",
        "core.dim_date, a recursive CTE or row_number()",
        "select unnest(range(3)) as n",
        lambda n: isinstance(n, exp.GenerateSeries | exp.GenerateDateArray) or _by_name(n, "generate_series"),
    ),
    Rule(
        "quantile",
        "median(x), or a rank by row_number() and count()",
        "select quantile_cont(x, 0.9) as p90 from core.a",
        lambda n: isinstance(n, exp.PercentileCont | exp.PercentileDisc | exp.Quantile | exp.WithinGroup),
    ),
    Rule(
        "approximate aggregate",
        "the exact one",
        "select approx_count_distinct(x) as xs from core.a",
        lambda n: isinstance(n, exp.ApproxDistinct | exp.ApproxQuantile | exp.ApproxTopK),
    ),
    Rule(
        "list() that is ordered inside or not at all",
        "list_sort(list({'order': ts, 'value': x}))",
        "select list(x order by ts) as xs from core.a",
        lambda n: isinstance(n, exp.ArrayAgg) and (_ordered(n) or not isinstance(n.parent, exp.ArraySort)),
    ),
    Rule(
        "string_agg without ORDER BY",
        "string_agg(x, ',' order by x)",
        "select string_agg(x, ',') as xs from core.a",
        lambda n: isinstance(n, exp.GroupConcat) and not _ordered(n),
    ),
    Rule(
        "arg_min or arg_max that a tie can change",
        "a tuple that ends in a key: arg_max(x, (ts, id))",
        "select arg_max(x, ts) filter (where x is not null) as x from core.a",
        lambda n: isinstance(n, exp.ArgMax | exp.ArgMin) and not isinstance(n.expression, exp.Tuple | exp.Struct),
    ),
    Rule(
        "arg_min or arg_max of a value that may be NULL",
        "filter (where x is not null), or x into the order when it is a key",
        "select arg_max(x, (ts, id)) as x from core.a",
        lambda n: isinstance(n, exp.ArgMax | exp.ArgMin) and _maybe_null(n),
    ),
    Rule(
        "first, last or any value",
        "min, max or arg_min(x, (ts, id))",
        "select any_value(x) as x from core.a",
        lambda n: isinstance(n, exp.First | exp.Last | exp.AnyValue) and not isinstance(n.parent, exp.Window),
    ),
    Rule(
        "window function without ORDER BY",
        "an order that ends in a key",
        "select row_number() over (partition by x) as n from core.a",
        _unordered_window,
    ),
    Rule(
        "DISTINCT ON",
        "row_number() and qualify",
        "select distinct on (x) x, y from core.a",
        lambda n: isinstance(n, exp.Distinct) and n.args.get("on") is not None,
    ),
    Rule(
        "union by name",
        "the columns of every arm in one order",
        "select x, y from core.a union all by name select y, x from core.a",
        lambda n: isinstance(n, exp.SetOperation) and bool(n.args.get("by_name")),
    ),
    Rule(
        "SIMILAR TO",
        "regexp_matches",
        "select x from core.a where x similar to 'a+'",
        lambda n: isinstance(n, exp.SimilarTo),
    ),
    Rule(
        "LIMIT without ORDER BY",
        "an order that ends in a key",
        "select x from core.a limit 1",
        lambda n: isinstance(n, exp.Query) and bool(n.args.get("limit")) and not n.args.get("order"),
    ),
    Rule(
        "JSON arrow",
        "json_extract_string(j, '$.a')",
        "select j ->> '$.a' as a from core.a",
        lambda n: isinstance(n, exp.JSONExtract | exp.JSONExtractScalar) and "only_json_types" in n.args,
    ),
    Rule(
        "epoch",
        "date_diff('second', timestamp '1970-01-01 00:00:00', ts)",
        "select epoch(ts) as seconds from core.a",
        lambda n: isinstance(n, exp.TimeToUnix),
    ),
    Rule(
        "value of the moment or of chance",
        "a column or a parameter, so that tomorrow's rebuild gives today's rows",
        "select now() as ts",
        lambda n: isinstance(n, VOLATILE) or _by_name(n, "now", "today", "random", "gen_random_uuid"),
    ),
    Rule(
        "unguarded division",
        "x / nullif(y, 0): by zero DuckDB gives inf",
        "select x / y as share from core.a",
        lambda n: isinstance(n, exp.Div | exp.IntDiv | exp.Mod) and _unguarded_divisor(n),
    ),
    Rule(
        "COLUMNS()",
        "the columns by name",
        "select columns(*) from core.a",
        lambda n: isinstance(n, exp.Columns),
    ),
    Rule(
        "sample",
        "all rows",
        "select x from core.a using sample 10%",
        lambda n: isinstance(n, exp.TableSample),
    ),
    Rule(
        "file or function in FROM",
        "a table of the catalog",
        "select x from read_csv('a.csv')",
        lambda n: isinstance(n, exp.Table) and not isinstance(n.this, exp.Identifier),
    ),
    Rule(
        "function that only DuckDB knows",
        "another one, or add it to SAME_ON_SPARK after a run on both",
        "select timezone('Europe/Kyiv', ts) as ts from core.a",
        lambda n: isinstance(n, exp.Anonymous) and n.name.lower() not in SAME_ON_SPARK,
    ),
)

"""What an expression in a mapping may contain.

Belongs here: the check that keeps mapping expressions plain, repeatable scalar computations over one record: no
queries, no files, no clocks, no state. Does not belong here: executing them; the check reads tokens and the parsed
tree.
"""

from __future__ import annotations

from itertools import pairwise

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

# An allow-list: whatever DuckDB learns later stays shut until it is looked at.
FUNCTIONS = frozenset(
    [
        "abs",
        "array_to_string",
        "ceil",
        "chr",
        "coalesce",
        "concat",
        "concat_ws",
        "constant",
        "contains",
        "date_part",
        "date_trunc",
        "device_of",
        "divided",
        "ends_with",
        "flatten",
        "floor",
        "from_json",
        "generate_subscripts",
        "greatest",
        "if",
        "ifnull",
        "is_robot",
        "json_array_length",
        "json_exists",
        "json_extract",
        "json_extract_string",
        "json_type",
        "json_valid",
        "least",
        "left",
        "len",
        "length",
        "links_of",
        "list_any_value",
        "list_concat",
        "list_contains",
        "list_distinct",
        "list_extract",
        "list_filter",
        "list_first",
        "list_has_any",
        "list_of",
        "list_position",
        "list_reverse",
        "list_slice",
        "list_sort",
        "list_transform",
        "list_value",
        "lower",
        "lpad",
        "ltrim",
        "make_date",
        "make_timestamp",
        "make_timestamptz",
        "map",
        "map_extract",
        "md5",
        "negated",
        "nfc_normalize",
        "nullif",
        "parse_filename",
        "referrer_or_app",
        "regexp_extract",
        "regexp_extract_all",
        "regexp_full_match",
        "regexp_matches",
        "regexp_replace",
        "replace",
        "request_kind",
        "reverse",
        "right",
        "round",
        "rpad",
        "rtrim",
        "sha256",
        "shop_link",
        "split_part",
        "starts_with",
        "strftime",
        "string_split",
        "strlen",
        "strpos",
        "strptime",
        "struct_extract",
        "struct_pack",
        "substr",
        "substring",
        "to_json",
        "to_timestamp",
        "total_of",
        "trim",
        "try",
        "try_cast",
        "try_strptime",
        "unescaped",
        "unrounded",
        "upper",
        "url_decode",
        "value_of",
        "without_escapes",
        "cast",
        "row",
        "epoch",
        "timezone",
        "list_aggregate",
        "list_sum",
        "list_max",
        "list_min",
    ]
)
_BEFORE_PARENTHESIS = frozenset(
    [
        "and",
        "as",
        "between",
        "case",
        "decimal",
        "else",
        "in",
        "is",
        "like",
        "ilike",
        "not",
        "numeric",
        "or",
        "then",
        "when",
        "varchar",
    ]
)
_FORBIDDEN = (
    exp.Query,
    exp.Subquery,
    exp.Table,
    exp.DDL,
    exp.DML,
    exp.Command,
    exp.Placeholder,
    exp.Parameter,
    exp.Window,
    exp.Explode,
    exp.Star,
)


def problems_of(expression: str) -> list[str]:
    """What is wrong with an expression; empty when it may be used."""
    try:
        trees = sqlglot.parse(expression, read="duckdb")
        tokens = sqlglot.tokenize(expression, read="duckdb")
    except SqlglotError as error:
        return [f"cannot be parsed: {str(error).splitlines()[0]}"]
    if len(trees) != 1 or trees[0] is None or "--" in expression or "/*" in expression:
        return ["must be one expression without comments"]
    if not isinstance(trees[0], exp.Condition):
        return [f"{type(trees[0]).__name__.lower()} is not an expression"]
    nodes = (type(node).__name__ for node in trees[0].walk() if isinstance(node, _FORBIDDEN) or _reads_a_clock(node))
    problems = [f"{name.lower()} is not allowed" for name in nodes]
    for token, following in pairwise(tokens):
        name = token.text.lower()
        # Names, quoted or not, and keywords; a literal or an operator before a parenthesis calls nothing.
        is_name = token.token_type != TokenType.STRING and (
            name.isidentifier() or token.token_type == TokenType.IDENTIFIER
        )
        if following.token_type == TokenType.L_PAREN and is_name and name not in FUNCTIONS | _BEFORE_PARENTHESIS:
            problems.append(f"function {name} is not allowed")
    return problems


def _reads_a_clock(node: exp.Expr) -> bool:
    """Functions without parentheses, such as current_date and session_user, which no token rule sees."""
    return isinstance(node, exp.Func) and type(node).__name__.startswith(("Current", "Local", "Session"))

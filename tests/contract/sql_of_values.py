"""The rule that no value gets into SQL but through a function that quotes it, checked on the code's syntax tree.

Belongs here: what of a text in the code is SQL, and what may be put into it. Does not belong here: SQL files
(portable_sql.py).

Values are parameters. Where a statement takes none, or SQL is made of SQL, three things hold of every text with braces:

- within single quotes only a constant of the code stands, in SQL or not: a value there ends the quotes with its own;
- in a text that is run or reads as SQL, within double quotes too;
- and outside of quotes a function that quotes, SQL that the code made (a name, a call), or a number.

A name is SQL where its function made it of such; of a parameter its callers are trusted, for they pass a text that is
judged where it is written. Texts put together by % or by .format with a value are refused altogether.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

RUNNING = frozenset({"execute", "executemany", "sql", "query", "exec_driver_sql"})
# What makes a value look like SQL that it is not.
MERE_TEXT = frozenset({
    "str", "repr", "format", "isoformat", "strip", "lower", "upper", "removeprefix", "removesuffix", "get", "pop",
    "next", "fetchone", "fetchmany", "fetchall", "rows", "row",
})  # fmt: skip
# The beginnings of statements, as S608 of ruff knows them, and of what it does not know.
STATEMENT = re.compile(
    r"\s*\(?\s*(?:select\s.*\bfrom\s|delete\s+from\s|insert\s+(?:or\s+\w+\s+)?into\s|update\s+\S+\s+set\s|with\s.*\bselect\s"
    r"|(?:create|drop|alter)\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:table|view|macro|schema|index)\s"
    r"|attach\s+\S|copy\s*\(|set\s+\w+\s*=|describe\s)",
    re.IGNORECASE | re.DOTALL,
)
# Attributes that hold SQL or a number.
SQL_ATTRIBUTES = frozenset({
    # Of the catalog's files, parsed there.
    "spec.sql",
    # Expressions of mappings, parsed and searched for what they must not call (feeds/expressions.py).
    "rule.by", "rule.each", "self.rule.unnested",
    # Names that were quoted, and statements that were made, where the attribute was filled.
    "part.name", "part.values", "self._create", "self._rejects", "worker.place", "worker.rejects",
    # Numbers.
    "limits.threads", "self._numbers", "self._threads",
})  # fmt: skip
# No SQL is written in these, but a text in single quotes: a cell, a key of YAML, an expression to be written by hand.
OTHER_QUOTES = frozenset({"csv_table.py", "mapping_text.py", "check.py"})


def problems(source: str, name: str = "") -> list[str]:
    """Every breach of the rule in one module, as line and what is put into SQL."""
    tree = ast.parse(source)
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found: set[tuple[int, str]] = set()
    for node in ast.walk(tree):
        is_sql = isinstance(node, ast.expr) and (_is_run(node, above) or bool(STATEMENT.match(_beginning(node))))
        if isinstance(node, ast.JoinedStr):
            for value, quote in _values(node):
                if quote == "'" and not _is_constant(value) and name not in OTHER_QUOTES:
                    found.add((value.lineno, f"{ast.unparse(value)} in single quotes"))
                elif is_sql and quote and not _is_constant(value):
                    found.add((value.lineno, f"{ast.unparse(value)} in double quotes"))
                elif is_sql and not quote and not _is_sql(value, above, frozenset()):
                    found.add((value.lineno, ast.unparse(value)))
        elif is_sql and not _is_sql(node, above, frozenset()):
            assert isinstance(node, ast.expr)
            found.add((node.lineno, ast.unparse(node)))
    return [f"{name}:{line}: {what}" for line, what in sorted(found)]


def _is_run(node: ast.AST, above: dict[ast.AST, ast.AST]) -> bool:
    call = above.get(node)
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in RUNNING
        and call.args[:1] == [node]
    )


def _is_sql(node: ast.AST, above: dict[ast.AST, ast.AST], asked: frozenset[str]) -> bool:
    """Whether an expression is SQL that the code made, or a number; `asked` are names that are being followed."""
    match node:
        case ast.Constant() | ast.JoinedStr():
            return True  # what is in a text with braces is asked of that text
        case ast.Name(name):
            return _is_constant(node) or name in asked or _is_sql_name(node, above, asked | {name})
        case ast.Attribute():
            return _is_constant(node) or node.attr == "days" or ast.unparse(node) in SQL_ATTRIBUTES
        case ast.Subscript(value):
            return _is_sql(value, above, asked)
        case ast.BinOp(_, ast.Mod(), _):
            return False
        case ast.Call():
            return _is_sql_call(node, above, asked)
    return all(_is_sql(part, above, asked) for part in _parts(node))


def _parts(node: ast.AST) -> list[ast.AST]:
    """What an expression takes its value from; of one that is not known here, the part that is none."""
    match node:
        case ast.BinOp(left, ast.Add() | ast.Mult() | ast.Sub(), right):
            return [left, right]
        case ast.IfExp(_, body, other):
            return [body, other]
        case ast.BoolOp(_, values):
            return list(values)
        case ast.GeneratorExp(elt) | ast.ListComp(elt) | ast.SetComp(elt):
            return [elt]
        case ast.List(elts) | ast.Tuple(elts) | ast.Set(elts):
            return list(elts)
        case ast.Dict(keys, values):
            return [*filter(None, keys), *values]
        case ast.Starred(value):
            return [value]
    return [ast.Attribute(ast.Name("other"), "value")]


def _is_sql_call(call: ast.Call, above: dict[ast.AST, ast.AST], asked: frozenset[str]) -> bool:
    """Calls of functions give SQL, but for those that give a mere text; join and format what they are given."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("join", "format", "replace") and isinstance(call.func, ast.Attribute):
        return all(_is_sql(part, above, asked) for part in (call.func.value, *call.args))
    if name == "map":
        return isinstance(call.args[0], ast.Name) and call.args[0].id not in MERE_TEXT
    if name in ("enumerate", "list", "sorted", "reversed", "tuple", "zip"):
        return all(_is_sql(part, above, asked) for part in call.args)
    return name not in MERE_TEXT


def _is_sql_name(node: ast.Name, above: dict[ast.AST, ast.AST], asked: frozenset[str]) -> bool:
    scope: ast.AST = node
    while scope in above:
        scope = above[scope]
        values = list(_bound(scope, node.id))
        if values:
            return all(_is_sql(value, above, asked) for value in values)
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and node.id in _parameters(scope):
            return True
    return False


def _bound(scope: ast.AST, name: str) -> Iterator[ast.AST]:
    """What a name is bound to in a comprehension, a function or the module; of a part of something, the whole."""
    if isinstance(scope, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp):
        yield from (_of_each(g.iter) for g in scope.generators if name in _names(g.target))
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
        for node in ast.walk(scope):
            match node:
                case ast.Assign([target], value) if name in _names(target):
                    yield from _matching(target, value, name)
                case ast.AugAssign(target, _, value) | ast.NamedExpr(target, value) if name in _names(target):
                    yield value
                case ast.AnnAssign(target, _, value) if value is not None and name in _names(target):
                    yield value
                case ast.For(target, each) if name in _names(target):
                    yield _of_each(each)
                case ast.withitem(opened, target) if target is not None and name in _names(target):
                    yield opened


def _of_each(each: ast.expr) -> ast.AST:
    """What a loop goes over."""
    if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in ("items", "values"):
        return each.func.value
    return each


def _matching(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.AST]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        yield from (v for t, v in zip(target.elts, value.elts, strict=True) if name in _names(t))
    else:
        yield value


def _names(target: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    return {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}


def _values(text: ast.JoinedStr) -> Iterator[tuple[ast.expr, str]]:
    """Each value of a text with the quote it stands in. A letter never stands before a quote of SQL: that is prose."""
    quote = before = ""
    for part in text.values:
        if isinstance(part, ast.FormattedValue):
            yield part.value, quote
            before = "}"
            continue
        for sign in str(part.value) if isinstance(part, ast.Constant) else "":
            if sign == quote:
                quote = ""
            elif not quote and (sign == '"' or (sign == "'" and not before.isalnum() and before != "}")):
                quote = sign
            before = sign


def _is_constant(node: ast.AST) -> bool:
    """A constant of the code: a name in capitals, of this module or of another."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return bool(re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name))


def _beginning(node: ast.AST) -> str:
    """The text of an expression with a letter for each value that is put into it."""
    match node:
        case ast.BinOp(left, ast.Add(), right):
            return _beginning(left) + _beginning(right)
        case ast.BinOp(left, ast.Mod(), _):
            return _beginning(left)
        case ast.Call(ast.Attribute(value, "format")):
            return _beginning(value)
        case ast.JoinedStr(values):
            return "".join(str(v.value) if isinstance(v, ast.Constant) else "x" for v in values)
        case ast.Constant(str() as value):
            return value
    return "x"

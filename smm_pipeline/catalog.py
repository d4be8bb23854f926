"""The catalog: every table of the warehouse as one TableSpec, read from sql/ and expectations/.

Belongs here: reading and checking those files, the dependencies and parameters found in the SQL, and the order
of building. Does not belong here: executing anything; no database is opened. Between the rooms a table is its
TableSpec; there is no second list of tables, columns or dependencies.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

import sqlglot
import yaml
from sqlglot import exp

from smm_pipeline.errors import SmmError
from smm_pipeline.settings import PROJECT_ROOT
from smm_pipeline.zero_needs import ZeroNeed, read_follows, read_zero_needs, zero_problems

Layer = Literal["seeds", "raw", "staging", "core", "kpi"]
LAYERS: tuple[Layer, ...] = ("seeds", "raw", "staging", "core", "kpi")
WINDOW_PARAMETERS = frozenset({"partition_start", "partition_end", "first_date", "last_date"})
Days = int | Literal["all"]
# Part of the key of what is summed up by months.
MONTH = "month_start_date"
# What SQL is made of; of blanks and comments nothing is kept. To parse all tables would take every command 1.5 s.
_SQL_WORD = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|/\*.*?\*/)|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<parameter>\w+)"""
    r"""|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)|.""",
    re.DOTALL,
)


@dataclass(frozen=True)
class ColumnSpec:
    """One column: what it means, its DuckDB type, and how private it is.

    `rules` holds what only raw contracts use: required, accepted, positive, person, clean, local_date_of,
    empty_is_value, max_days_ahead.
    """

    name: str
    type: str
    description: str
    privacy: Literal["none", "pseudonymous", "text"] = "none"
    rules: Mapping[str, Any] = field(default_factory=dict)


RAW_LINEAGE: tuple[ColumnSpec, ...] = (
    ColumnSpec("_feed", "VARCHAR", "Feed that delivered the row"),
    ColumnSpec("_delivery_id", "VARCHAR", "SHA-256 of the delivery that brought this version first"),
    ColumnSpec(
        "_source_row",
        "BIGINT",
        "Where the record stands in that delivery, from 1: its line, its row, or its place in a list",
    ),
    ColumnSpec("_version_ts", "TIMESTAMPTZ", "Latest instant at which this content was seen as the current one"),
    ColumnSpec("_first_ts", "TIMESTAMPTZ", "Earliest instant at which any version of the key was seen"),
    ColumnSpec("_row_hash", "VARCHAR", "Hash of the contract columns"),
    ColumnSpec("_is_current", "BOOLEAN", "True on the newest version of each key"),
    ColumnSpec("_is_restated", "BOOLEAN", "True on all versions of a key that has more than one"),
    ColumnSpec("_loaded_at", "TIMESTAMPTZ", "Instant of loading"),
)


@dataclass(frozen=True)
class TableSpec:
    """One table: `layer.name`, how it is built, what it means, how it is checked.

    `sql` is None for raw contracts and seeds. `partition` names the DATE column by which the table is built and
    replaced; None means the table is rebuilt whole. A day D of a partitioned table reads the days
    D - lookback .. D + lookahead of what it depends on; `lookback_days` and `lookahead_days` say so for each upstream
    table that differs from 0, and `all` means every earlier or later day. `keeps_unread` is for raw contracts whose
    rows add up to what their parent is worth: one rejected for a value that it may lack stays, its numbers unknown.
    `persons` names the columns that count the persons a row is about (warehouse/sharing.py); a table without it is in
    no copy for others. `parts` are figures about some of these persons alone, under the column that counts them, or
    under the difference of two (`orders - new_customers`). `unshared` are those that nobody counts, or that no count
    can make safe: the copy has none of their values.
    `zero_needs` says what a 0 needs to be one (zero_needs.py); a column that `follows` others is unknown where a 0 of
    one of them is published as unknown.
    """

    layer: Layer
    name: str
    description: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[ColumnSpec, ...]
    partition: str | None = None
    lookback_days: Mapping[str, Days] = field(default_factory=dict)
    lookahead_days: Mapping[str, Days] = field(default_factory=dict)
    version: str | None = None
    keeps_unread: bool = False
    owner: str = "team:analytics"
    publish: bool = False
    persons: tuple[str, ...] | None = None
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unshared: tuple[str, ...] = ()
    zero_needs: tuple[ZeroNeed, ...] = ()
    follows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sql: str | None = None
    suite: Mapping[str, Any] | None = None
    path: Path = Path()

    @property
    def full_name(self) -> str:
        """Schema-qualified name, e.g. core.fct_order."""
        return f"{self.layer}.{self.name}"

    @property
    def day_column(self) -> str | None:
        """The column that says of which day, or month, a row is; the days that a goal begins and is due are none."""
        days = [c.name for c in self.columns if c.type == "DATE" and (c.name in self.key or c.name.endswith("_local"))]
        return self.partition or next(iter(days), None)

    @cached_property
    def tree(self) -> exp.Expr:
        """The parsed SELECT."""
        if self.sql is None:
            raise TypeError(f"{self.full_name} has no SQL")
        return sqlglot.parse_one(self.sql, read="duckdb")

    @cached_property
    def deps(self) -> frozenset[str]:
        """Full names of the tables that the SQL reads."""
        names = (word["name"].split(".") for word in self._words if word["name"])
        return frozenset(f"{layer}.{table}" for layer, *tables in names for table in tables if layer in LAYERS)

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of the $parameters that the SQL uses."""
        return frozenset(word["parameter"] for word in self._words if word["parameter"])

    @cached_property
    def code_version(self) -> str:
        """Hash of what decides the rows: the SQL without comments, the window and the column types."""
        text = " ".join(word[0] for word in self._words)
        shape = [(c.name, c.type) for c in self.columns]
        window = (sorted(self.lookback_days.items()), sorted(self.lookahead_days.items()))
        return hashlib.sha256(repr((text, window, shape)).encode()).hexdigest()[:12]

    @cached_property
    def _words(self) -> list[re.Match[str]]:
        return [word for word in _SQL_WORD.finditer(self.sql or "") if not word["blank"]]

    @cached_property
    def suite_version(self) -> str:
        """Hash of the expectations: rows that passed others are looked at again."""
        return hashlib.sha256(json.dumps(self.suite, sort_keys=True, default=str).encode()).hexdigest()[:12]

    @property
    def checks_of_now(self) -> list[str]:
        """Ids of the expectations that speak of the newest day alone (`about: now`)."""
        entries = self.suite["expectations"] if self.suite else []
        return [entry["id"] for entry in entries if entry.get("about") == "now"]

    @property
    def stored_columns(self) -> tuple[ColumnSpec, ...]:
        """Columns of the table as stored: raw tables carry lineage."""
        return self.columns + RAW_LINEAGE if self.layer == "raw" else self.columns


@dataclass(frozen=True)
class Catalog:
    """All tables, addressed by full name."""

    tables: Mapping[str, TableSpec]

    def __getitem__(self, full_name: str) -> TableSpec:
        return self.tables[full_name]

    def __iter__(self) -> Iterator[TableSpec]:
        return iter(self.tables.values())

    def layer(self, layer: Layer) -> list[TableSpec]:
        """Tables of one layer, by name."""
        return sorted((t for t in self if t.layer == layer), key=lambda t: t.name)

    def contract(self, name: str) -> TableSpec:
        """The contract that somebody has named, with or without its layer.

        Raises:
            SmmError: SMM-501 when there is none of that name.
        """
        bare, names = name.removeprefix("raw."), [spec.name for spec in self.layer("raw")]
        if bare not in names:
            close = get_close_matches(bare, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"contracts are: {', '.join(names)}"
            raise SmmError("SMM-501", f"there is no contract {name!r}", hint=hint)
        return self[f"raw.{bare}"]

    @cached_property
    def build_order(self) -> list[TableSpec]:
        """Tables that have SQL, each after everything it reads."""
        graph = {t.full_name: t.deps for t in self if t.sql is not None}
        try:
            order = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise SmmError("SMM-105", f"tables read each other in a circle: {error.args[1]}") from error
        return [self[name] for name in order if name in graph]

    def upstream(self, full_name: str) -> set[str]:
        """Full names of everything a table depends on, directly or not."""
        seen: set[str] = set()
        todo = list(self[full_name].deps)
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo.extend(self[name].deps)
        return seen

    def downstream(self, full_name: str) -> set[str]:
        """Full names of everything that depends on a table, directly or not."""
        return {t.full_name for t in self if full_name in self.upstream(t.full_name)}


def load_catalog(root: Path = PROJECT_ROOT) -> Catalog:
    """Read sql/ and expectations/ below `root`.

    Raises:
        SmmError: SMM-104 when the folders are missing, SMM-105 when a file is wrong.
    """
    sql_dir, suite_dir = root / "sql", root / "expectations"
    if not sql_dir.is_dir() or not suite_dir.is_dir():
        raise SmmError(
            "SMM-104",
            "sql/ and expectations/ were not found",
            where=str(root),
            hint="run from a checkout, or set SMM_PROJECT_ROOT",
        )
    tables: dict[str, TableSpec] = {}
    for layer in LAYERS:
        for path in sorted((sql_dir / layer).glob("*.yml")):
            spec = _read_table(layer, path, suite_dir / layer / path.name, tables)
            tables[spec.full_name] = spec
    for spec in tables.values():
        unknown = sorted(spec.deps - tables.keys())
        if unknown:
            raise SmmError("SMM-105", f"reads unknown tables: {', '.join(unknown)}", where=str(spec.path))
        contracts = {name for need in spec.zero_needs for name in need.contracts}
        if strangers := sorted(name for name in contracts if name not in tables or not tables[name].partition):
            raise SmmError("SMM-105", f"zero_needs names no contracts with days: {strangers}", where=str(spec.path))
        if spec.sql and spec.partition and not any(tables[name].partition for name in spec.deps):
            raise SmmError("SMM-105", "is built by day but reads no table that is", where=str(spec.path))
    return Catalog(tables)


def _read_table(layer: Layer, path: Path, suite_path: Path, known: Mapping[str, TableSpec]) -> TableSpec:
    try:
        data: dict[str, Any] = _read_yaml(path)
        # A table that passes another's columns on names it once instead of describing every column again.
        passed_on = known[data.pop("like")].columns if "like" in data else ()
        columns = (*passed_on, *(_read_column(c) for c in data.pop("columns", [])))
        sql_path = path.with_suffix(".sql")
        sql = sql_path.read_text(encoding="utf-8") if sql_path.is_file() else None
        suite = _read_yaml(suite_path) if suite_path.is_file() else None
        spec = TableSpec(
            layer=layer,
            name=path.stem,
            columns=columns,
            sql=sql,
            suite=suite,
            path=path,
            key=tuple(data.pop("key")),
            persons=tuple(data.pop("persons")) if "persons" in data else None,
            parts={count: tuple(columns) for count, columns in data.pop("parts", {}).items()},
            unshared=tuple(data.pop("unshared", ())),
            zero_needs=read_zero_needs(data.pop("zero_needs", [])),
            follows=read_follows(data.pop("follows", {})),
            **data,
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise SmmError("SMM-105", f"cannot read the table description: {error!r}", where=str(path)) from error
    _check_table(spec)
    return spec


def _read_yaml(path: Path) -> Any:
    # The loader in C reads the same and twice as fast; every command loads the catalog.
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def _read_column(data: dict[str, Any]) -> ColumnSpec:
    rules = {k: v for k, v in data.items() if k not in {"name", "type", "description", "privacy"}}
    privacy = data.get("privacy", "pseudonymous" if "person" in rules else "none")
    return ColumnSpec(data["name"], data["type"], data["description"], privacy, rules)


def _check_table(spec: TableSpec) -> None:
    names = [c.name for c in spec.columns]
    problems = []
    if len(set(names)) != len(names):
        problems.append("a column is listed twice")
    if missing := [k for k in (*spec.key, *filter(None, (spec.partition, spec.version))) if k not in names]:
        problems.append(f"unknown columns in key, partition or version: {missing}")
    problems += _sharing_problems(spec, names)
    problems += zero_problems(spec.zero_needs, spec.follows, names)
    if strangers := sorted((spec.lookback_days.keys() | spec.lookahead_days.keys()) - spec.deps):
        problems.append(f"lookback or lookahead names tables that the SQL does not read: {strangers}")
    if spec.layer in ("staging", "core", "kpi"):
        if spec.sql is None:
            problems.append("there is no SQL file beside it")
        elif bool(spec.parameters & WINDOW_PARAMETERS) != bool(spec.partition):
            problems.append("partition: and window parameters in the SQL go together")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", spec.name):
        problems.append("the name is not snake_case")
    if problems:
        raise SmmError("SMM-105", "; ".join(problems), where=str(spec.path))


def _sharing_problems(spec: TableSpec, names: list[str]) -> list[str]:
    """What is wrong with what a table says of its copy for others."""
    problems = []
    counts = (name for count in spec.parts for name in count.split(" - "))
    parts = [name for columns in spec.parts.values() for name in columns]
    if missing := [k for k in (*(spec.persons or ()), *counts, *parts, *spec.unshared) if k not in names]:
        problems.append(f"unknown columns in persons, parts or unshared: {missing}")
    if twice := sorted({*spec.unshared} & {*spec.key, *parts}):
        problems.append(f"unshared names what is of the key or under parts: {twice}")
    if (spec.parts or spec.unshared) and spec.persons is None:
        problems.append("parts and unshared are about a copy that a table without persons is not in")
    return problems

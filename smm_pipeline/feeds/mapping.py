"""The mapping language: how the records of one vendor become rows of the canonical contracts.

Belongs here: the typed form of a mapping file, reading it, and checking it against the catalog, so that a wrong mapping
is refused before any delivery is opened. docs/mapping.md is the reference for users. Does not belong here: turning a
mapping into SQL (room ingest). Pure: no database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AliasChoices, BeforeValidator, Field, ValidationError, field_validator, model_validator

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import mapping_text
from smm_pipeline.feeds.expressions import problems_of
from smm_pipeline.feeds.file_format import GROUP_ROW, LINE, FileFormat, Kind, MappingModel, as_tuple
from smm_pipeline.settings import TimeZone

_UNNEST = re.compile(r"unnest\((?P<list>.+)\)\s+as\s+(?P<name>[a-z_][a-z0-9_]*)", re.DOTALL | re.IGNORECASE)
# Record fields must stay clear of the names that the engine adds to them.
RESERVED_PREFIX = "_smm_"


# One name or a list of them.
Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
# Every piece of a pattern for times that DuckDB's strptime knows.
_TIME_PATTERN = re.compile(r"([^%]|%-?[djmyHIMS]|%[abcfghnpuwxzABGTUVWXYZ%])*", re.DOTALL)
_TIME_NAMES = ("iso", "unix_s", "unix_ms", "unix_us")


class NumberFormat(MappingModel):
    """How a source writes numbers; without it 1234.5."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", " ", ".", ",", "'"] = Field(
        "", description="A space stands for no-break and thin spaces too"
    )
    strip: Names = Field((), description="Signs to take away, e.g. грн")
    divide_by: Literal[1, 10, 100, 1000, 1_000_000] = Field(1, description="1000000 for amounts in micros")

    @model_validator(mode="after")
    def _marks_differ(self) -> NumberFormat:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same sign")
        return self


class TimeFormat(MappingModel):
    """How a source writes instants and days; without it ISO 8601, naive ones in the feed's zone."""

    format: str = Field("iso", description="iso, unix_s, unix_ms, unix_us, or a strptime pattern such as %d.%m.%Y")
    zone: TimeZone | None = Field(None, description="Zone of values without offset; default: the feed's")

    @field_validator("format")
    @classmethod
    def _known_pattern(cls, value: str) -> str:
        if value not in _TIME_NAMES and ("%" not in value or not _TIME_PATTERN.fullmatch(value)):
            raise ValueError(f"expected {', '.join(_TIME_NAMES)}, or a strptime pattern such as %d.%m.%Y")
        return value


class MapTarget(MappingModel):
    """What one text of a vendor becomes, and on which days of the row's own it means that."""

    to: str | None = Field(None, description="Our text; without it the vendor's stays")
    since: date | None = Field(None, description="First day of its meaning")
    until: date | None = Field(None, description="First day on which it no longer has it")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return value if isinstance(value, dict | MapTarget) else {"to": value}

    @model_validator(mode="after")
    def _is_some_time(self) -> MapTarget:
        if self.since and self.until and self.since >= self.until:
            raise ValueError("expected since before until")
        return self


class ColumnRule(MappingModel):
    """Where the value of one contract column comes from."""

    expr: str = ""
    const: str | None = None
    number: NumberFormat = NumberFormat()
    time: TimeFormat = TimeFormat()
    map: dict[str, MapTarget] = Field({}, description="The vendor's text to ours")
    otherwise: str | None = Field(None, description="Result for values that the map does not name")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("const"), bool):
            return {**value, "const": str(value["const"]).lower()}
        if not isinstance(value, str | dict | ColumnRule):
            raise ValueError("expected an expression, or a mapping with expr or const")
        return {"expr": value} if isinstance(value, str) else value

    @property
    def is_dated(self) -> bool:
        """Whether what a text becomes depends on the row's day."""
        return any(target.since or target.until for target in self.map.values())

    @model_validator(mode="after")
    def _one_source(self) -> ColumnRule:
        if bool(self.expr) == (self.const is not None):
            raise ValueError("expected exactly one of expr and const")
        if self.otherwise is not None and not self.map:
            raise ValueError("otherwise: needs map:")
        return self


class TableRule(MappingModel):
    """Rows of one contract made from the records."""

    source: str = Field("records", alias="from")
    where: str = ""
    key_occurrence: str = Field("", description="Column filled with the hash of the row and its occurrence number")
    columns: dict[str, ColumnRule] = Field(description="columns of the contract, each with its value")

    @property
    def unnested(self) -> tuple[str, str] | None:
        """List expression and name of the element, None when each record is one row."""
        match = _UNNEST.fullmatch(self.source.strip())
        return (match["list"], match["name"]) if match else None


class SkipRule(MappingModel):
    """Records that are left out on purpose; counted as rejects with reason skipped:<reason>."""

    where: str = Field(description="a condition on the record")
    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="a name such as service_message")


def _names(columns: Any) -> Any:
    return tuple(columns) if isinstance(columns, dict) else columns


def _other_names(columns: Any) -> Any:
    return columns if isinstance(columns, dict) else {}


class Mapping(MappingModel):
    """One mapping file."""

    format: FileFormat
    source_system: str = Field(description="a name for the source")
    columns: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    aliases: Annotated[dict[str, Names], BeforeValidator(_other_names)] = Field(
        {}, validation_alias=AliasChoices("columns"), description="Other names that a header may have for a column"
    )
    required_columns: tuple[str, ...] | None = Field(None, description="Default: all columns")
    let: dict[str, str] = Field({}, description="Named expressions over the record, computed once")
    skip: tuple[SkipRule, ...] = ()
    reject_text: bool = Field(True, description="false: of rejects only place and reason are kept, not the record")
    extracted_ts: ColumnRule | None = None
    tables: dict[str, TableRule] = Field(description="an entry per contract to fill")

    @property
    def names_of(self) -> dict[str, tuple[str, ...]]:
        """Every column with the names that a header may have for it."""
        return {name: (name, *self.aliases.get(name, ())) for name in self.columns}

    @property
    def structure(self) -> dict[str, Any]:
        """Fields of a record and their types."""
        if "lines" in self.format.kind:
            return {LINE: "VARCHAR"}
        return self.format.structure or dict.fromkeys(self.columns, "VARCHAR")

    @property
    def required(self) -> tuple[str, ...]:
        """Columns without which a delivery is refused."""
        return self.columns if self.required_columns is None else self.required_columns


def parse_mapping(text: str, *, where: str) -> Mapping:
    """Read a mapping file's text.

    Raises:
        SmmError: SMM-204 naming every wrong key.
    """
    try:
        values = mapping_text.load(text)
    except yaml.YAMLError as error:
        raise SmmError("SMM-204", f"not valid YAML: {error}", where=where) from error
    except ValueError as error:
        raise SmmError("SMM-204", str(error), where=where, hint="see docs/mapping.md") from error
    try:
        return Mapping.model_validate(values)
    except ValidationError as error:
        what = mapping_text.explain(error, Mapping, values)
        raise SmmError("SMM-204", what, where=where, hint="see docs/mapping.md") from error


def check_mapping(mapping: Mapping, catalog: Catalog, constants: MappingOf[str, str], *, where: str) -> None:
    """Check a mapping against the contracts it fills.

    Raises:
        SmmError: SMM-204 naming every problem: unknown contract or column, a required column without a value, an
            expression that is not a plain scalar expression.
    """
    problems = [*_format_problems(mapping), *_name_problems(mapping)]
    for name, expression in expressions_of(mapping):
        if expression in mapping.structure:
            # The bare name of a field, whatever its letters, needs no quotes.
            continue
        problems += [f"{name}: {p}" for p in problems_of(expression)]
    for name, table in mapping.tables.items():
        spec = catalog.tables.get(f"raw.{name}")
        if spec is None:
            known = [t.name for t in catalog.layer("raw")]
            problems.append(f"tables.{name}: there is no such contract{_did_you_mean(name, known)}")
        else:
            problems += [f"tables.{name}: {p}" for p in _table_problems(table, spec, constants)]
    if problems:
        raise SmmError("SMM-204", "; ".join(problems), where=where, hint="see docs/mapping.md")


def _format_problems(mapping: Mapping) -> list[str]:
    problems = [*_kind_problems(mapping), *_encoding_problems(mapping.format), *_layout_problems(mapping)]
    if not mapping.tables:
        problems.append("tables: expected an entry per contract to fill")
    if not mapping.structure:
        problems.append("columns: or format.structure: is needed")
    if {"csv", "xlsx"} & set(mapping.format.kind) and not mapping.columns:
        problems.append("columns: must name the expected header")
    if mapping.extracted_ts and mapping.extracted_ts.is_dated:
        problems.append("extracted_ts.map: since and until are for columns of a contract with a day")
    return problems


def _name_problems(mapping: Mapping) -> list[str]:
    """What is wrong with the names of fields."""
    problems = []
    if extra := set(mapping.required) - set(mapping.structure):
        problems.append(f"required_columns: not among the columns: {', '.join(sorted(extra))}")
    names = [name for known in mapping.names_of.values() for name in known]
    if mapping.aliases and (twice := sorted({name for name in names if names.count(name) > 1})):
        problems.append(f"columns: a header's name for two columns: {', '.join(twice)}")
    if reserved := [c for c in mapping.structure if c.lower().startswith(RESERVED_PREFIX)]:
        problems.append(f"fields must not begin with {RESERVED_PREFIX}: {', '.join(reserved)}")
    return problems + _group_problems(mapping) + _nest_problems(mapping)


def _group_problems(mapping: Mapping) -> list[str]:
    carry = mapping.format.carry
    if carry is None:
        return []
    problems = []
    if not set(mapping.format.kind) <= {"csv", "xlsx"}:
        problems.append("format.carry: only csv and xlsx have rows that belong together")
    if carry.by not in mapping.required:
        problems.append(f"format.carry.by: must be a required column{_did_you_mean(carry.by, mapping.required)}")
    problems += [
        f"format.carry.columns: there is no column {name}{_did_you_mean(name, mapping.columns)}"
        for name in carry.columns
        if name not in mapping.columns
    ]
    if GROUP_ROW in mapping.columns:
        problems.append(f"columns: {GROUP_ROW} is the place of a row in its group where there is format.carry")
    return problems


def _nest_problems(mapping: Mapping) -> list[str]:
    nest = mapping.format.nest
    if nest is None:
        return []
    problems = []
    if mapping.format.kind != ("jsonl",):
        problems.append("format.nest: only jsonl has lines that are parts of others")
    if not isinstance(mapping.structure.get(nest.into), list):
        problems.append(
            f"format.nest.into: must be a list of the structure{_did_you_mean(nest.into, mapping.structure)}"
        )
    return problems


def _kind_problems(mapping: Mapping) -> list[str]:
    kinds, problems = mapping.format.kind, []
    if not kinds:
        problems.append(f"format.kind: expected one or more of {', '.join(get_args(Kind))}")
    if "lines" in kinds and (len(kinds) > 1 or mapping.columns or mapping.format.structure):
        problems.append(f"format.kind: lines stands alone, without columns: and structure:; its one field is {LINE}")
    if mapping.format.header_row == 0 and kinds != ("csv",):
        problems.append("format.header_row: 0 (no header) is for kind csv alone")
    twice = sorted({name for name in mapping.columns if mapping.columns.count(name) > 1})
    if mapping.format.header_row == 0 and twice:
        problems.append(f"columns: without a header each cell needs a name of its own; named twice: {', '.join(twice)}")
    return problems


def _encoding_problems(fmt: FileFormat) -> list[str]:
    if "encoding" in fmt.model_fields_set and not {"csv", "lines"} & set(fmt.kind):
        return ["format.encoding: only csv and lines have one; JSON is UTF-8 by its standard"]
    try:
        line_end = "\n".encode(fmt.encoding)
    except LookupError:
        return [f"format.encoding: {fmt.encoding!r} is not known to Python"]
    if "lines" in fmt.kind and line_end != b"\n":
        return [f"format.encoding: {fmt.encoding} has no line end of one byte, as lines need"]
    return []


def _layout_problems(mapping: Mapping) -> list[str]:
    fmt, problems = mapping.format, []
    if fmt.header_within and not {"csv", "xlsx"} & set(fmt.kind):
        problems.append("format.header_within: only csv and xlsx have a header")
    if fmt.header_within and "header_row" in fmt.model_fields_set:
        problems.append("format.header_within: expected one of header_row and header_within")
    if fmt.header_within and not mapping.required:
        problems.append("format.header_within: needs required columns, by which the header is known")
    if fmt.member and fmt.kind not in (("csv",), ("jsonl",), ("json",)):
        problems.append("format.member: out of an archive one kind of csv, jsonl and json is read, no others")
    return problems


def expressions_of(mapping: Mapping) -> list[tuple[str, str]]:
    """Every expression of a mapping, with the key at which it stands."""
    found = [(f"let.{name}", text) for name, text in mapping.let.items()]
    found += [(f"skip.{rule.reason}", rule.where) for rule in mapping.skip]
    if mapping.extracted_ts:
        found.append(("extracted_ts", mapping.extracted_ts.expr))
    for name, table in mapping.tables.items():
        found.append((f"tables.{name}.where", table.where))
        if table.unnested:
            found.append((f"tables.{name}.from", table.unnested[0]))
        found += [(f"tables.{name}.{column}", rule.expr) for column, rule in table.columns.items()]
    return [(name, text) for name, text in found if text]


def _table_problems(table: TableRule, spec: TableSpec, constants: MappingOf[str, str]) -> list[str]:
    names = {c.name for c in spec.columns}
    problems = []
    if table.source != "records" and table.unnested is None:
        problems.append("from: must be records, or unnest(<list>) as <name>")
    problems += [f"there is no column {c}{_did_you_mean(c, names)}" for c in sorted(table.columns.keys() - names)]
    if table.key_occurrence and table.key_occurrence not in spec.key:
        problems.append(f"key_occurrence: must be one of the key columns {', '.join(spec.key)}")
    for name, rule in table.columns.items():
        if rule.is_dated and not spec.partition:
            problems.append(f"columns.{name}.map: since and until need a contract with a day, and {spec.name} has none")
    given = {*table.columns, *constants, "source_system", table.key_occurrence}
    for c in spec.columns:
        needed = c.rules.get("required") or c.name in spec.key
        if needed and c.name not in given and not (c.rules.get("local_date_of") or c.rules.get("empty_is_value")):
            problems.append(f"no value for the required column {c.name}; map it, or set constants.{c.name} of the feed")
    return problems


def _did_you_mean(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""

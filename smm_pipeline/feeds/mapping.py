"""The mapping language: how the records of one vendor become rows of the canonical contracts.

Belongs here: the typed form of a mapping file, and reading it. docs/mapping.md is the reference for users. Does not
belong here: checking it against the contracts (mapping_check.py), and turning it into SQL (room ingest). Pure: no
database.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

import yaml
from pydantic import AliasChoices, BeforeValidator, Field, ValidationError, field_validator, model_validator

from smm_pipeline.errors import SmmError
from smm_pipeline.feeds import mapping_text
from smm_pipeline.feeds.file_format import LINE, FileFormat, MappingModel, as_tuple
from smm_pipeline.setting_types import TimeZone

_UNNEST = re.compile(r"unnest\((?P<list>.+)\)\s+as\s+(?P<name>[a-z_][a-z0-9_]*)", re.DOTALL | re.IGNORECASE)
# Record fields must stay clear of the names that the engine adds to them.
RESERVED_PREFIX = "_smm_"
# Local day of the extraction, for expressions: what counters describe that carry no day of their own.
DELIVERY_DATE = "delivery_date"

# One name or a list of them.
Names = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
# Every piece of a pattern for times that DuckDB's strptime knows.
_TIME_PATTERN = re.compile(r"([^%]|%-?[djmyHIMS]|%[abcfghnpuwxzABGTUVWXYZ%])*", re.DOTALL)
_TIME_NAMES = ("iso", "unix_s", "unix_ms", "unix_us", "excel")


class NumberFormat(MappingModel):
    """How a source writes numbers; without it 1234.5."""

    decimal: Literal[".", ",", "either"] = Field(
        ".",
        description="either: both signs, and any blank, comma or point between thousands, where only one reading fits",
    )
    thousands: Literal["", " ", ".", ",", "'"] = Field(
        "", description="A space stands for no-break and thin spaces too"
    )
    strip: Names = Field((), description="Signs to take away, e.g. грн")
    divide_by: Literal[1, 10, 100, 1000, 1_000_000] = Field(1, description="1000000 for amounts in micros")

    @model_validator(mode="after")
    def _marks_differ(self) -> NumberFormat:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same sign")
        if self.decimal == "either" and self.thousands:
            raise ValueError("decimal: either has all marks between thousands; leave thousands out")
        return self


class TimeFormat(MappingModel):
    """How a source writes instants and days; without it ISO 8601, naive ones in the feed's zone."""

    format: str = Field(
        "iso", description="iso, unix_s, unix_ms, unix_us, excel (days since 1899-12-30), or a strptime pattern"
    )
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
    """Records that are left out on purpose, kept as rejects skipped:<reason>; lost ones are rejects like any other."""

    where: str = Field(description="a condition on the record")
    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="a name such as service_message")
    lost: bool = Field(False, description="the record says something that cannot be read")

    @property
    def full_reason(self) -> str:
        """The reason as it stands in the table of rejects."""
        return self.reason if self.lost else f"skipped:{self.reason}"


class CombineRule(MappingModel):
    """Records of a delivery that are parts of one: the first of them stands for all."""

    by: str = Field(description="an expression that is equal for the parts of one; unknown stands alone")
    each: str = Field(description="an expression: what every part brings")
    into: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="a name for the list of what the parts bring")


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
    wide: bool = Field(False, description="Which columns a file has is the shop's choice: none is reported as odd")
    let: dict[str, str] = Field({}, description="Named expressions over the record, computed once")
    skip: tuple[SkipRule, ...] = ()
    combine: CombineRule | None = None
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

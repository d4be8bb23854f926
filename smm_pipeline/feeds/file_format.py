"""How the bytes of a delivery are read: the `format:` of a mapping.

Belongs here: kinds of files and what has to be declared of each. Does not belong here: reading them (room ingest), and
what the fields mean (mapping.py). Pure: no database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from smm_pipeline.errors import SmmError

Kind = Literal["csv", "lines", "jsonl", "json", "parquet", "xlsx"]
SUFFIXES: MappingOf[str, Kind] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".log": "lines",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
# What the number of a record counts, for who looks for it in the file: lines or rows of the file as it is, the header,
# what stands above it and empty ones among them. Of a JSON document only the place of a record in its list is known.
UNITS: MappingOf[Kind, str] = {
    "csv": "line",
    "lines": "line",
    "jsonl": "line",
    "json": "record",
    "parquet": "row",
    "xlsx": "row",
}
# The one field of a record of kind lines.
LINE = "line"
# What expressions call the document around the records, where a mapping declares fields of it.
DOCUMENT = "document"
# The place of a row in its group, from 1, where a mapping has format.carry.
GROUP_ROW = "group_row"


def as_tuple(value: Any) -> Any:
    """One value as a tuple of one."""
    return value if isinstance(value, list | tuple | dict) else (value,)


class MappingModel(BaseModel):
    """A part of a mapping: what it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class ErrorAnswer(MappingModel):
    """Where an answer that is an error and no data has its code and its message; data has nothing at one of them.

    Both are paths, or alternatives of paths as in records_at.
    """

    code: str = Field(description="a path such as $.error.code")
    message: str = Field(description="a path such as $.error.message")
    ok: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = Field((), description="Codes that mean success, e.g. 0")


class Carry(MappingModel):
    """Rows that belong together, of which the first alone holds what all have in common."""

    by: str = Field(description="the column that has one value in all rows of a group")
    columns: tuple[str, ...] = Field(min_length=1, description="columns whose blank cells take the first row's value")


class Nest(MappingModel):
    """Lines that are parts of the record of another line."""

    parent: str = Field(description="the field in which a part names its record, e.g. __parentId")
    key: str = Field(description="the field that this name is of, e.g. id")
    into: str = Field(description="the list of the structure that takes the parts, e.g. children")


class RefusedName(MappingModel):
    """Files of the same source that must not be loaded, told by their names, such as tables of a day not yet over."""

    pattern: str = Field(description="a regular expression that is found in the name, in any case")
    what: str = Field(description="what such a file is")
    hint: str = Field(description="what to deliver instead")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"expected a regular expression: {error}") from error
        return value


class FileFormat(MappingModel):
    """How the bytes are read; nothing is guessed."""

    kind: Annotated[tuple[Kind, ...], BeforeValidator(as_tuple)] = Field(
        description=f"one of {', '.join(get_args(Kind))}"
    )
    encoding: str = "utf-8"
    delimiter: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=1)], ...], BeforeValidator(as_tuple)] = (
        Field((",",), min_length=1, description="The sign between cells; of several the one by which the header fits")
    )
    quote: str = Field('"', max_length=1)
    header_row: int = Field(1, ge=0, description="Row of the names; 0: none, columns: names the cells by place")
    header_within: int = Field(0, ge=0, le=1000, description="The header is one of so many first lines")
    member: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = Field(
        (), description="The file in a zip archive, e.g. Queries.csv or *.csv"
    )
    sheet: str = Field("", description="Sheet of a workbook; default: the first")
    records_at: str = Field("$", description="Paths tried in turn, e.g. $.data | $")
    error: ErrorAnswer | None = Field(None, description="Paths that only an answer of failure has, e.g. $.error.code")
    carry: Carry | None = Field(None, description="Rows of a table that belong together")
    nest: Nest | None = Field(None, description="Lines that are parts of the record of another line")
    refused_name: Annotated[tuple[RefusedName, ...], BeforeValidator(lambda v: v if isinstance(v, list) else [v])] = (
        Field((), description="Files that the source makes and that are no delivery")
    )
    structure: dict[str, Any] = {}
    document: dict[str, Any] = Field({}, description="Fields of the enclosing document, named document in expressions")

    def kind_of(self, file_name: str) -> Kind:
        """The kind a file is read as; with several kinds the suffix (before .gz) decides.

        Raises:
            SmmError: SMM-201 when the suffix names none of the kinds, or the name is one that the mapping refuses.
        """
        for refused in self.refused_name:
            if re.search(refused.pattern, file_name, re.IGNORECASE):
                raise SmmError("SMM-201", refused.what, where=file_name, hint=refused.hint)
        if len(self.kind) == 1:
            return self.kind[0]
        name = file_name.lower().removesuffix(".gz")
        kind = next((k for suffix, k in SUFFIXES.items() if name.endswith(suffix)), None)
        if kind == "json" and "json" not in self.kind and "jsonl" in self.kind:
            kind = "jsonl"  # BigQuery and others name files of JSON lines .json
        if kind not in self.kind:
            endings = ", ".join(suffix for suffix, known in SUFFIXES.items() if known in self.kind)
            raise SmmError(
                "SMM-201",
                f"the file name's ending says none of: {', '.join(self.kind)}",
                where=file_name,
                hint=f"name it with one of the endings {endings}, also followed by .gz",
            )
        return kind

    def unit_of(self, file_name: str) -> str:
        """What the number of a record counts in a file of this name: line, row or record.

        Raises:
            SmmError: SMM-201 as kind_of.
        """
        return UNITS[self.kind_of(file_name)]

    @property
    def paths(self) -> tuple[tuple[str, ...], ...]:
        """records_at as alternatives, each a tuple of keys."""
        return tuple(keys_of(path) for path in self.records_at.split("|"))


def keys_of(path: str) -> tuple[str, ...]:
    """The keys of a path such as $.data.items; none of $ itself."""
    return tuple(key for key in path.strip().removeprefix("$").split(".") if key)

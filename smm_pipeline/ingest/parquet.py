"""Reading of Parquet files, which DuckDB does.

Belongs here: the columns of a file, cutting it into rows, and telling damage from data. Does not belong here: other
formats, which are read in Python (reading.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest.files import unreadable
from smm_pipeline.ingest.parts import ParquetRows, record_fields
from smm_pipeline.ingest.results import Extract
from smm_pipeline.ingest.structures import sql_type
from smm_pipeline.ingest.tabular import match_header, own_names
from smm_pipeline.masking import without_values
from smm_pipeline.quoting import quoted

_MAGIC = b"PAR1"
_DAMAGE = (
    *(duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException, duckdb.NotImplementedException),
    # A column whose parts have no name in common with the declared ones.
    duckdb.BinderException,
)
# Older programs write texts as bytes, and do not say that they are UTF-8.
AS_TEXT = "binary_as_string = true"
# Above it doubles are not whole numbers any more: 9007199254740993 is none of them.
MAX_WHOLE_DOUBLE = 1 << 53
# Rows of a part: about as much as a piece of text.
PART_ROWS = 125_000


def parquet_parts(
    con: duckdb.DuckDBPyConnection, number: int, path: Path, name: str, mapping: Mapping
) -> tuple[Extract, list[ParquetRows]]:
    """What a file holds, and its rows in parts.

    Raises:
        SmmError: SMM-201 when it is no Parquet, is damaged or has not the required columns.
    """
    with path.open("rb") as stream:
        if stream.read(4) != _MAGIC:
            unreadable("the file is not Parquet", name)
    with no_damage(name):
        described = con.execute("select name from parquet_schema(?)", [str(path)]).fetchall()
        columns = con.execute(f"describe from read_parquet(?, {AS_TEXT})", [str(path)]).fetchall() if described else []
        found = con.execute("select sum(num_rows) from parquet_file_metadata(?)", [str(path)]).fetchone()
    named = own_names([column[0] for column in columns], mapping, name)
    warnings = match_header(named, mapping, name)
    stored = {own: _value(*column[:2]) for own, column in zip(named, columns, strict=True)}
    values = ", ".join(
        f"cast({stored[n]} as {sql_type(t)})" if n in stored else "null" for n, t in record_fields(mapping).items()
    )
    rows = int(found[0] or 0) if found else 0
    parts = [
        ParquetRows(number, path, name, values, first, min(first + PART_ROWS, rows) - 1)
        for first in range(0, rows, PART_ROWS)
    ]
    return Extract(records=rows, warnings=warnings), parts


@contextmanager
def no_damage(name: str) -> Iterator[None]:
    """Refuse a Parquet file that DuckDB cannot read."""
    try:
        yield
    except duckdb.Error as error:
        # What Thrift says of a broken footer has no kind of its own.
        if type(error) is not duckdb.Error and not isinstance(error, _DAMAGE):
            raise
        unreadable(f"the Parquet file is damaged or of another structure: {without_values(str(error))}", name)


def _value(column: str, type_: str) -> str:
    """SQL of a column's value; a whole number among doubles is written as one.

    An id becomes a double as soon as one row lacks it, and as `12345.0` it would be the id of nobody.
    """
    name = quoted(column)
    if type_ not in ("DOUBLE", "FLOAT"):
        return name
    is_whole = f"{name} = trunc({name}) and abs({name}) < {MAX_WHOLE_DOUBLE}"
    return f"case when {is_whole} then cast(cast({name} as bigint) as varchar) else cast({name} as varchar) end"

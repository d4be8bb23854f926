"""Great Expectations on a live DuckDB connection: a SQLAlchemy dialect and a GX datasource.

Belongs here: only what makes GX speak to the connection it is given, inside that connection's open transaction. Does
not belong here: what is checked and what a result means (runner.py). Importing this module imports Great
Expectations, which takes seconds, so runner.py does it inside the function that needs it.

Why not an existing driver: GX closes the SQLAlchemy connection before it fetches, and DuckDB's results are
lazy, so the published drivers fail on every expectation; they also open a connection of their own and would
not see uncommitted rows.
"""

# ruff: noqa: ARG002, ARG003, D102 - the dialect's signatures are SQLAlchemy's, which documents and calls them

from __future__ import annotations

import logging
import threading
import types
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import duckdb
import sqlalchemy as sa
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.query_metrics.query_table.unexpected_rows_query_table import (
    UnexpectedRowsQueryTable,
)
from sqlalchemy.dialects.postgresql.base import PGDialect

from smm_pipeline.quoting import quoted

# GX logs tracebacks with the offending literals in them, which may be personal; its results say what broke.
logging.getLogger("great_expectations").addHandler(logging.NullHandler())
logging.getLogger("great_expectations").propagate = False

# SQLAlchemy opens connections from a URL, which is text: the URL carries a key into this register.
_LIVE: dict[str, duckdb.DuckDBPyConnection] = {}

_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "VARCHAR": sa.types.String,
    "BOOLEAN": sa.types.Boolean,
    "DATE": sa.types.Date,
    "TIMESTAMP WITH TIME ZONE": sa.types.DateTime,
    "DOUBLE": sa.types.Float,
    "DECIMAL": sa.types.Numeric,
    "INTEGER": sa.types.Integer,
    "BIGINT": sa.types.BigInteger,
    "HUGEINT": sa.types.BigInteger,
}


def _sql_type(duckdb_type: str) -> sa.types.TypeEngine[Any]:
    return _TYPES.get(duckdb_type.partition("(")[0], sa.types.NullType)()


class _Connection:
    """DB-API connection that never ends a transaction: the caller owns connection and transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._first_error: duckdb.Error | None = None

    def run(self, sql: str, parameters: Sequence[Any] | None) -> duckdb.DuckDBPyConnection:
        """Execute one statement.

        An error inside a transaction aborts it, and whatever GX asks after that, its retries included, would
        only hear that it is aborted. Such an error names the first one.
        """
        try:
            return self._connection.execute(sql, list(parameters) if parameters else None)
        except duckdb.TransactionException as error:
            what = f"an earlier query aborted the transaction: {self._first_error}"
            raise duckdb.TransactionException(what) from error
        except duckdb.Error as error:
            self._first_error = self._first_error or error
            raise

    def cursor(self) -> _Cursor:
        return _Cursor(self)

    def commit(self) -> None:
        pass

    def rollback(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Cursor:
    """DB-API cursor that reads a result at once, because GX closes the connection before it fetches."""

    arraysize = 1
    rowcount = -1
    lastrowid = None

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self.description: list[tuple[Any, ...]] | None = None

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> None:
        result = self._connection.run(sql, parameters)
        # SQLAlchemy uses the type code as a dictionary key, and DuckDB's type objects are not hashable.
        self.description = [(name, str(code), *rest) for name, code, *rest in result.description or []] or None
        self._rows = iter(result.fetchall() if self.description else [])

    def executemany(self, sql: str, seq_of_parameters: Iterable[Sequence[Any]]) -> None:
        for parameters in seq_of_parameters:
            self.execute(sql, parameters)

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        return [row for _, row in zip(range(size or self.arraysize), self._rows, strict=False)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)

    def close(self) -> None:
        self._rows = iter(())


class DuckDBDialect(PGDialect):
    """SQLAlchemy dialect for the connections in the register; DuckDB reads PostgreSQL's SQL."""

    name = "duckdb"
    driver = "gx"
    supports_statement_cache = False
    default_paramstyle = "qmark"

    @classmethod
    def import_dbapi(cls) -> Any:
        """The few module attributes SQLAlchemy asks a DB-API module for."""
        return types.SimpleNamespace(paramstyle="qmark", Error=duckdb.Error, apilevel="2.0", threadsafety=1)

    def create_connect_args(self, url: sa.URL) -> Any:
        return [url.database], {}

    def connect(self, *cargs: Any, **cparams: Any) -> Any:
        return _Connection(_LIVE[cargs[0]])

    @classmethod
    def get_pool_class(cls, url: sa.URL) -> type[sa.pool.Pool]:
        return sa.pool.StaticPool

    def initialize(self, connection: sa.Connection) -> None:
        self.default_schema_name = "main"
        self.server_version_info = (14, 0)

    def on_connect(self) -> None:
        return None

    def do_begin(self, dbapi_connection: Any) -> None:
        pass

    def do_rollback(self, dbapi_connection: Any) -> None:
        pass

    def do_commit(self, dbapi_connection: Any) -> None:
        pass

    def do_ping(self, dbapi_connection: Any) -> bool:
        return True

    # What GX's inspector asks before it checks anything. DuckDB itself resolves names, temporary ones too.

    def get_columns(self, connection: sa.Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        columns = connection.exec_driver_sql(f"describe {quoted(table_name)}")
        return [{"name": name, "type": _sql_type(text), "nullable": True} for name, text, *_ in columns]

    def has_table(self, connection: sa.Connection, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        return bool(self.get_columns(connection, table_name))

    def get_schema_names(self, connection: sa.Connection, **kw: Any) -> Any:
        return ["main"]

    def get_table_names(self, connection: sa.Connection, schema: str | None = None, **kw: Any) -> Any:
        return []

    def get_view_names(self, connection: sa.Connection, schema: str | None = None, **kw: Any) -> Any:
        return [row[0] for row in connection.exec_driver_sql("select view_name from duckdb_views() where temporary")]

    def get_pk_constraint(
        self, connection: sa.Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return {"constrained_columns": [], "name": None}


sa.dialects.registry.register("duckdb.gx", __name__, "DuckDBDialect")

# GX picks the regex operator by asking its dialect module for a class of a known name. Dremio's operator is
# REGEXP_MATCHES(column, pattern), which is DuckDB's own. tests/contract/test_gx_agreement.py holds this.
_REGEX_LIKE_DREMIO = types.ModuleType("duckdb_as_dremio")
_REGEX_LIKE_DREMIO.DremioDialect = DuckDBDialect  # type: ignore[attr-defined]  # a module made here has no stubs


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """GX's SQL engine with DuckDB's regular expressions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dialect_module = _REGEX_LIKE_DREMIO


class NoUnexpectedRows(UnexpectedRowsQueryTable):
    """The rows that a query finds are not fetched: only their number counts here, and they may be personal.

    GX would run every query once for the rows and once for their number.
    """

    metric_name = UnexpectedRowsQueryTable.metric_name

    @metric_value(engine=DuckDBExecutionEngine)
    def _sqlalchemy(  # type: ignore[override]  # what GX passes is not needed
        cls,  # noqa: N805 - GX passes the class under this name
        **kwargs: Any,
    ) -> list[dict[str, Any]]:
        return []


_MADE = threading.local()


def _once_per_batch(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Remember for as long as a batch is live what was made of an object.

    GX makes the configuration of an expectation, and the expectation of a configuration, anew for every part of it that
    it reads, some sixty times for one check.
    """

    def remembered(thing: Any) -> Any:
        made: dict[Any, tuple[Any, Any]] | None = getattr(_MADE, "by_object", None)
        if made is None:
            return make(thing)
        # Held with its result: the identity of a thing that is gone is soon another's.
        key = (make, id(thing))
        if key not in made:
            made[key] = (thing, make(thing))
        return made[key][1]

    return remembered


_CONFIGURATION, _EXPECTATION = vars(Expectation)["configuration"].fget, ExpectationConfiguration.to_domain_obj
Expectation.configuration = property(_once_per_batch(_CONFIGURATION))  # type: ignore[assignment, method-assign]  # no hook
ExpectationConfiguration.to_domain_obj = _once_per_batch(_EXPECTATION)  # type: ignore[assignment, method-assign]  # no hook


class DuckDBDatasource(SQLDatasource):
    """GX's SQL datasource on `DuckDBExecutionEngine`; defining it gives every context `add_duckdb`."""

    type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]  # how GX tells its datasource classes apart
    execution_engine_override = DuckDBExecutionEngine


@contextmanager
def live_batch(context: Any, connection: duckdb.DuckDBPyConnection, view: str) -> Iterator[Batch]:
    """A GX batch over `view`, an unqualified table or view name visible on `connection`."""
    key = uuid.uuid4().hex
    _LIVE[key] = connection
    # The context lives in memory for this batch alone, and GX would write it out as YAML for every step of making it.
    context._save_project_config = lambda: None
    _MADE.by_object = {}
    try:
        source = context.data_sources.add_duckdb(name=key, connection_string=f"duckdb+gx:///{key}")
        asset = source.add_table_asset(view, table_name=view)
        yield asset.add_batch_definition_whole_table("all").get_batch()
    finally:
        del _MADE.by_object
        del _LIVE[key]

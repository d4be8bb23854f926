"""The asset graph, made from the catalog: one asset per table, then the serving file and the report.

Belongs here: the mapping from TableSpec to asset, and what each asset reports. Does not belong here: the work itself,
which the rooms warehouse, ingest and reporting do.

How the layers map:
- raw: one step, `ingest`, yields all raw tables. A delivery writes to several tables and to any day, so no single
  table and no single day can be loaded alone; the raw assets are whole tables without partitions. What arrived
  decides which days become stale, and the sensor takes those up. Only this step retries.
- seeds: one step, `seeds`, loads them all; they change with the project, not with the day.
- staging, core, kpi: one step per table. A table with a partition column has daily partitions and builds all days of
  a range in one go; in a run of the job `daily` it also builds those of its days that are stale by then, so that
  every such run ends, and publishes, with tables that agree. The other tables are rebuilt whole in every run.
- publish: `serving_file` runs when every published table was built and its blocking checks passed, then
  `html_report`. It refuses tables that are behind what they are made from, as after a build of a few assets alone.

A table whose critical expectation failed is not materialized: its rows were rolled back, the step fails after logging
the evaluations, and whatever depends on it, the serving file included, is skipped.
"""

# No `from __future__ import annotations` here: Dagster reads the annotations of asset functions as they are.
import warnings
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import dagster as dg
import duckdb

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.ingest import DeliveryResult, ingest_landing
from smm_pipeline.orchestration.checks import (
    asset_key,
    check_results,
    check_specs,
    last_verdicts,
    silence_result,
    silence_spec,
)
from smm_pipeline.orchestration.jobs import DAILY
from smm_pipeline.orchestration.metadata import (
    build_metadata,
    described,
    fates,
    loaded_table_spec,
    row_count,
    static_metadata,
)
from smm_pipeline.orchestration.partitions import last_complete_day, run_days, stale_days, upstream_mapping
from smm_pipeline.orchestration.resources import Instance, plain_failures
from smm_pipeline.pulls import PullResult, pull_feeds, untold
from smm_pipeline.validation import validate
from smm_pipeline.warehouse.audits import audit_loaded, forget_rolled_back
from smm_pipeline.warehouse.build import build_table
from smm_pipeline.warehouse.publish import publish, require_fresh
from smm_pipeline.warehouse.state import StateView

if TYPE_CHECKING:
    Result: TypeAlias = dg.MaterializeResult[None]
else:  # Dagster recognises only the bare class
    Result = dg.MaterializeResult
POOL = "duckdb"
OWNER = "team:analytics"
SERVING_FILE = dg.AssetKey(["publish", "serving_file"])
HTML_REPORT = dg.AssetKey(["publish", "html_report"])
# A daily run that was an hour late warns nobody; one that was missed does.
KPI_FRESHNESS = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=26), fail_window=timedelta(hours=36))
INGEST_RETRIES = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)


def table_assets(catalog: Catalog, days: dg.DailyPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All assets of the graph; `days` are the partitions of the tables that have a partition column."""
    with warnings.catch_warnings():
        # Backfill policies and windows past the last day are beta since years; pyproject pins the minor version.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [
            _ingest_step(catalog),
            _seeds_step(catalog),
            *(_table_step(spec, catalog, days) for spec in catalog.build_order),
            _serving_file(catalog),
            _html_report(),
        ]


def _ingest_step(catalog: Catalog) -> dg.AssetsDefinition:
    specs = catalog.layer("raw")

    @dg.multi_asset(
        name="ingest",
        description="Pull from vendors' APIs, and load everything in landing/ that is not loaded yet into raw.",
        specs=[loaded_table_spec(spec, {"duckdb", "python"}) for spec in specs],
        check_specs=[check for spec in specs for check in check_specs(spec)],
        can_subset=False,
        retry_policy=INGEST_RETRIES,
        pool=POOL,
    )
    def ingest(context: dg.AssetExecutionContext, instance: Instance) -> Iterator[Result]:
        # It brings the report's imports with it, see html_report.
        from smm_pipeline.pipeline import check_disk

        with plain_failures(), instance.warehouse(catalog) as con:
            settings = instance.settings()
            check_disk(settings)
            pulls, deliveries = pull_feeds(con, settings, catalog, run_id=context.run.run_id)
            _log_pulls(context, pulls)
            deliveries += untold(ingest_landing(con, settings, catalog, run_id=context.run.run_id), pulls)
            _log_deliveries(context, deliveries)
            view = StateView(con, catalog, settings)
            results = [_loaded(con, spec, view, context.run.run_id, fates(spec, deliveries, pulls)) for spec in specs]
        yield from results

    return ingest


def _log_pulls(context: dg.AssetExecutionContext, pulls: Iterable[PullResult]) -> None:
    """A source that fails does not stop a run: it is told here, and kept in meta.pull_attempt."""
    for pull in pulls:
        if pull.error is not None:
            context.log.error("pull of %s ended early\n%s", pull.feed, pull.error)
        for warning in pull.warnings:
            context.log.warning("pull of %s: %s", pull.feed, warning)
        context.log.info("pull of %s: %d pages", pull.feed, pull.pages)


def _log_deliveries(context: dg.AssetExecutionContext, deliveries: Iterable[DeliveryResult]) -> None:
    """Broken deliveries do not stop a run: they are told here, and kept in meta.delivery."""
    for d in deliveries:
        if d.error is not None:
            context.log.error("%s: %s\n%s", d.feed, d.file_path, d.error)
        for warning in d.warnings:
            context.log.warning("%s: %s: %s", d.feed, d.file_path, warning)
        context.log.info("%s: %s: %s, %d rejected", d.feed, d.file_path, d.status, d.rejected)


def _seeds_step(catalog: Catalog) -> dg.AssetsDefinition:
    specs = catalog.layer("seeds")

    @dg.multi_asset(
        name="seeds",
        description="Load the reference data kept with the code.",
        specs=[loaded_table_spec(spec, {"duckdb", "csv"}) for spec in specs],
        check_specs=[check for spec in specs for check in check_specs(spec)],
        can_subset=False,
        pool=POOL,
    )
    def seeds(context: dg.AssetExecutionContext, instance: Instance) -> Iterator[Result]:
        # Opening the warehouse loads the seeds that changed.
        with plain_failures(), instance.warehouse(catalog) as con:
            view = StateView(con, catalog, instance.settings())
            results = [_loaded(con, spec, view, context.run.run_id, {}) for spec in specs]
        yield from results

    return seeds


def _loaded(
    con: duckdb.DuckDBPyConnection, spec: TableSpec, view: StateView, run_id: str, metadata: dict[str, int]
) -> Result:
    """Result of a table that is loaded, not computed: audited where it was not yet, else with what was last found."""
    audit = audit_loaded(con, spec, view, run_id=run_id, validate=validate)
    verdicts = last_verdicts(con, spec) if audit is None else audit.verdicts
    return Result(
        asset_key=asset_key(spec),
        metadata={"dagster/row_count": row_count(con, spec), **metadata},
        check_results=check_results(spec, verdicts),
    )


def _table_step(spec: TableSpec, catalog: Catalog, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(spec),
        description=described(spec),
        deps=[
            dg.AssetDep(asset_key(catalog[name]), partition_mapping=upstream_mapping(spec, catalog[name]))
            for name in sorted(spec.deps)
        ],
        group_name=spec.layer,
        owners=[spec.owner],
        kinds={"duckdb", "sql"},
        code_version=spec.code_version,
        metadata=static_metadata(spec),
        partitions_def=days if spec.partition else None,
        backfill_policy=dg.BackfillPolicy.single_run() if spec.partition else None,
        check_specs=check_specs(spec),
        freshness_policy=KPI_FRESHNESS if spec.layer == "kpi" else None,
        pool=POOL,
    )
    def build(context: dg.AssetExecutionContext, instance: Instance) -> Iterator[Result | dg.AssetCheckResult]:
        asked = set(run_days(context)) if spec.partition else set()
        with plain_failures(), instance.warehouse(catalog) as con:
            settings = instance.settings()
            view = StateView(con, catalog, settings)
            stale = stale_days(view, spec, settings) if context.job_name == DAILY else set()
            # Days without any raw row have nothing to build; alone they are built empty, so that the checks say so.
            days = sorted((asked & set(view.days) or asked) | stale) if spec.partition else None
            result = build_table(con, spec, days, settings, view, run_id=context.run.run_id, validate=validate)
            rows = row_count(con, spec)
        checks = check_results(spec, result.verdicts)
        if result.status == "built":
            for day in sorted(stale - asked):
                context.log_event(dg.AssetMaterialization(asset_key(spec), partition=day.isoformat()))
            yield Result(metadata=build_metadata(spec, catalog, result, rows), check_results=checks)
            return
        # Evaluations without a materialization: the table still holds what it held before.
        yield from checks
        failed = ", ".join(verdict.check_id for verdict in result.blocking)
        raise dg.Failure(
            f"SMM-401: {spec.full_name}: {failed}; the rows were rolled back, the table holds what it held before",
            metadata={"code": "SMM-401", "table": spec.full_name, "checks": failed},
            allow_retries=False,
        )

    return build


def _serving_file(catalog: Catalog) -> dg.AssetsDefinition:
    published = sorted(asset_key(spec) for spec in catalog if spec.publish)

    @dg.asset(
        key=SERVING_FILE,
        description="The published database that BI tools read; replaced whole, in one step.",
        deps=published,
        group_name="publish",
        owners=[OWNER],
        kinds={"duckdb", "file"},
        check_specs=[silence_spec(SERVING_FILE)],
        freshness_policy=KPI_FRESHNESS,
        pool=POOL,
    )
    def serving_file(context: dg.AssetExecutionContext, instance: Instance) -> Result:
        with plain_failures(), instance.warehouse(catalog) as con:
            settings = instance.settings()
            view = StateView(con, catalog, settings)
            require_fresh(view, catalog, through=last_complete_day(settings))
            for spec in catalog.build_order:
                if not view.stale_keys(spec):
                    forget_rolled_back(con, spec)
            publication = publish(settings, catalog, con, run_id=context.run.run_id)
            silence = silence_result(con, catalog, settings, SERVING_FILE)
        return Result(
            check_results=[silence],
            metadata={
                "path": dg.MetadataValue.path(publication.path),
                "build_id": publication.build_id,
                "tables": len(publication.tables),
                "rows": sum(publication.tables.values()),
                "rows_by_table": dg.MetadataValue.json(dict(sorted(publication.tables.items()))),
                "publish_seconds": publication.seconds,
            },
        )

    return serving_file


def _html_report() -> dg.AssetsDefinition:
    @dg.asset(
        key=HTML_REPORT,
        description="One self-contained page: what the communities brought, by benefit class and community.",
        deps=[SERVING_FILE],
        group_name="publish",
        owners=[OWNER],
        kinds={"html", "file"},
    )
    def html_report(instance: Instance) -> Result:
        # Charts cost seconds of imports, which loading the code location and every other run need not pay.
        from smm_pipeline.reporting.report import write_report

        with plain_failures():
            path = write_report(instance.settings())
        return Result(metadata={"path": dg.MetadataValue.path(path), "bytes": path.stat().st_size})

    return html_report

"""Who may read whom between the layers of the warehouse; the same parse that gives Dagster its dependencies."""

from __future__ import annotations

from smm_pipeline.catalog import Layer
from tests.project_catalog import project_catalog

MAY_READ: dict[Layer, set[str]] = {
    "staging": {"raw"},
    "core": {"staging", "core", "seeds"},
    "kpi": {"core", "seeds"},
}
# A goal is about a published figure, so what follows goals up reads the figures themselves.
READS_KPIS = "kpi.kpi_goal_progress"


def test_layers_read_only_what_they_may() -> None:
    found = [
        f"{spec.full_name} reads {dependency}"
        for spec in project_catalog().build_order
        for dependency in sorted(spec.deps)
        if dependency.partition(".")[0] not in MAY_READ[spec.layer]
        and not (spec.full_name == READS_KPIS and dependency.startswith("kpi."))
    ]
    assert not found, "\n".join(found)


def test_every_reader_of_visits_says_what_it_does_with_spam() -> None:
    """Rows that spam wrote stay in core.fct_session to be counted; no figure may take them for visits."""
    readers = [spec for spec in project_catalog().build_order if "core.fct_session" in spec.deps]
    assert readers
    assert not [spec.full_name for spec in readers if "is_referrer_spam" not in str(spec.sql)]


def test_every_table_is_read_or_published() -> None:
    """A core table that nobody reads is a leftover; what people read is published.

    Staging mirrors the contracts: a feed may land before the first KPI that needs it.
    """
    catalog = project_catalog()
    read = {dependency for spec in catalog for dependency in spec.deps}
    derived = (*catalog.layer("core"), *catalog.layer("kpi"))
    idle = [spec.full_name for spec in derived if not spec.publish and spec.full_name not in read]
    assert not idle

"""The engine room: connections, the schema, partition builds, staleness and publishing.

Belongs here: everything that writes to warehouse.duckdb or the serving file. Does not belong here: what a table means
(sql/), how a vendor's file is read (feeds/, ingest/), Dagster.
"""

"""The orchestration room: what Dagster knows of the pipeline.

Belongs here: assets, checks, partitions, jobs, schedules, sensors and the Dagster instance, all made from the catalog
and the settings. It is the only room that imports dagster. Does not belong here: how a table is built, validated or
published; those rooms know nothing of Dagster and do the same work for the command line.
"""

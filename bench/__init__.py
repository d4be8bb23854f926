"""The benchmark behind `make bench`: the pipeline's heavy steps beside plain DuckDB, polars and pandas.

Belongs here: made-up data of any size, the same work written for each engine, and the measuring. Nothing here is
imported by the pipeline, and nothing here is a test: figures depend on the machine, ratios much less.
"""

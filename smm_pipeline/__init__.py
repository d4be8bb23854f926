"""smm_pipeline: what an online shop's communities bring, joined to its visits and orders.

Only the version lives here; every room (feeds, ingest, warehouse, ...) states in its own docstring what belongs in it.
"""

__version__ = "0.1.0"

"""What stands behind a number: the rows, rules and files of an order or of a figure.

Belongs here: reading them out of the work database, along the lineage that stands in the SQL. Does not belong here:
building anything, and how it looks on a terminal (cli/explain.py). Nothing is written. origins.py reads lineage of
columns out of SQL, trace.py follows rows along it, shown.py says what of a row may be shown, order.py and figure.py
put together what belongs to an order and to a figure.
"""

from smm_pipeline.explain.figure import Wanted, explain_figure, is_figure
from smm_pipeline.explain.order import explain_order
from smm_pipeline.explain.origins import Origin, column_origins

__all__ = ["Origin", "Wanted", "column_origins", "explain_figure", "explain_order", "is_figure"]

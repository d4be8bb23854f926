"""Room of data checks: the suite format, Great Expectations on the live DuckDB connection, verdicts.

Belongs here: `check_suite` (is a suite well formed?) and `validate` (do these rows keep it?). Does not belong
here: what follows from a verdict, and Dagster. Importing the room does not import Great Expectations.
"""

from smm_pipeline.validation.runner import Status, Verdict, validate
from smm_pipeline.validation.suites import Severity, check_suite

__all__ = ["Severity", "Status", "Verdict", "check_suite", "validate"]

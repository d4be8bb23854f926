"""Ingest: deliveries become rows of the raw contracts, raw store first, nothing lost.

Belongs here: the public face of the room. Does not belong here: any code. See landing and arrivals (raw store),
reading (bytes to pieces), records (pieces to records), transform (records to rows), pieces (what is done record by
record), workers (several pieces at a time), merge (rows to versions), batch (one transaction), run (all of it), again
(reading from the raw store once more), news (what waits in landing/), shown_record (what of a record may be
shown), trial (trying a file).
"""

from smm_pipeline.ingest.again import forget_feed
from smm_pipeline.ingest.news import unseen_files
from smm_pipeline.ingest.persons import is_other_key
from smm_pipeline.ingest.results import RECORDS, Counts, DeliveryResult
from smm_pipeline.ingest.run import feed_fault, ingest_landing
from smm_pipeline.ingest.shown_record import Fields, fields_of, shown_record, shown_value
from smm_pipeline.ingest.trial import Trial, try_file

__all__ = [
    "RECORDS",
    "Counts",
    "DeliveryResult",
    "Fields",
    "Trial",
    "feed_fault",
    "fields_of",
    "forget_feed",
    "ingest_landing",
    "is_other_key",
    "shown_record",
    "shown_value",
    "try_file",
    "unseen_files",
]

"""Pulls: feeds fetched from their vendors' APIs, raw first, page by page.

Belongs here: the public face of the room. Does not belong here: any code. See spec and sources (descriptions of APIs as
data), client and answers (one call), paging, windows, jobs, each and reading (which call is next), run (all feeds).
"""

from smm_pipeline.pulls.run import PullResult, pull_fault, pull_feeds, untold
from smm_pipeline.pulls.sources import pull_vendors

__all__ = ["PullResult", "pull_fault", "pull_feeds", "pull_vendors", "untold"]

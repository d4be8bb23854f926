"""An instance whose feed is pulled from the API of a test.

Belongs here: its settings and token, pulling, and the marks and pages it leaves. Does not belong here: assertions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from smm_pipeline.ingest import DeliveryResult
from smm_pipeline.pulls import PullResult, pull_feeds
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema
from tests.api_server import Api, FakeClock
from tests.ingest_fixture import Instance

CANARY = "canary-token/4711"
VARIABLES = {"API_TOKEN": CANARY, "API_SECRET": "canary-secret-0815"}


class PulledShop(Instance):
    """One feed, called feed, with a pull.

    Args:
        home: folder of the instance.
        api: where the feed is pulled from.
        vendor: its mapping; without one, a small mapping.
        mapping: that small mapping.
        described: a description of the API in place of that of the vendor.
        path: what follows the server's address in base_url.
        pull: further lines of the pull.
        zone: the shop's zone.
    """

    def __init__(
        self,
        home: Path,
        api: Api,
        vendor: str = "",
        *,
        mapping: str = "pulled_days.yml",
        described: str = "",
        path: str = "",
        pull: str = "",
        zone: str = "UTC",
    ) -> None:
        lines = [f'vendor = "{vendor}"' if vendor else f'mapping = "{mapping}"', "[feeds.feed.pull]"]
        lines += ['description = "api.yml"' if described else "", f'base_url = "{api.url}{path}"']
        lines += ['token_env = "API_TOKEN"', 'secret_env = "API_SECRET"', pull]
        super().__init__(home, {"feed": "\n".join(lines)}, time_zone=zone)
        (home / "api.yml").write_text(described, encoding="utf-8")
        self.clock = FakeClock(tick=0.01)

    def pull(self) -> tuple[PullResult, list[DeliveryResult]]:
        """Pull the one feed and load what came."""
        [result], loaded = self.pull_all()
        return result, loaded

    def pull_all(self, feed: str | None = None) -> tuple[list[PullResult], list[DeliveryResult]]:
        """Pull every feed that has a pull, or the one named, and load what came."""
        settings = load_settings(self.home)
        with connect(settings) as con:
            ensure_schema(con, self.catalog, settings)
            return pull_feeds(con, settings, self.catalog, run_id="test", feed=feed, clock=self.clock)

    def mark(self) -> dict[str, Any]:
        """How far the feed is read, as the books say."""
        [(text,)] = self.rows("select mark from meta.pull_cursor where feed = 'feed'")
        return dict(orjson.loads(text))

    def stored(self) -> list[str]:
        """Names of the pages in the raw store's list, in the order of their arrival."""
        lines = (self.home / "raw" / "feed" / "arrivals.jsonl").read_bytes().splitlines()
        return [orjson.loads(line)["file_path"] for line in lines]

    def written(self) -> bytes:
        """Everything that the instance holds on disk."""
        return b"".join(path.read_bytes() for path in sorted(self.home.rglob("*")) if path.is_file())

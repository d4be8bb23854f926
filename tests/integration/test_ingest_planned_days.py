"""Days that are still to come: planned events and rates of the next days are loaded, slips of a clock are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from smm_pipeline.cli.instance import status
from smm_pipeline.settings import load_settings
from tests.ingest_fixture import Instance


def test_how_far_ahead_a_day_may_be_depends_on_what_it_is(tmp_path: Path) -> None:
    """Rates may be known two weeks ahead, events two years; what people did cannot have happened in three days."""
    feeds = {name: f'vendor = "{name}"' for name in ("exchange_rates", "offline_events")}
    feeds["messages"] = 'vendor = "messages"\nconstants = { network = "telegram", community_id = "c" }'
    shop = Instance(tmp_path, feeds)
    today = datetime.now(UTC).date()

    def day(ahead: int) -> str:
        return (today + timedelta(days=ahead)).isoformat()

    rates = "".join(f"{day(n)},USD,UAH,41\n" for n in (0, 13, 20))
    shop.deliver("exchange_rates", "r.csv", f"rate_date,from_currency,to_currency,rate\n{rates}")
    events = "".join(f"e{n},{day(n)}\n" for n in (-1, 400, 800))
    shop.deliver("offline_events", "e.csv", f"event_id,start\n{events}")
    messages = "".join(f"m{n},{day(n)} 12:00:00\n" for n in (0, 5))
    shop.deliver("messages", "m.csv", f"message_id,sent_at\n{messages}")
    shop.ingest()

    assert shop.rejects() == [
        ("raw.campaign_event", 4, ["out_of_range:event_date_local"]),
        ("raw.community_message", 3, ["out_of_range:message_date_local"]),
        ("raw.exchange_rate", 4, ["out_of_range:rate_date"]),
    ]
    # An event of next year is not the last day of which anything is known.
    assert status(load_settings(tmp_path), shop.catalog)["last_day"] == today

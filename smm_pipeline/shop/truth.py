"""What really happened, for tests only: truth/orders.csv and truth/notes.json, outside landing.

Belongs here: writing down the true cause of each order and the number of planted troubles. Does not belong here:
anything that the pipeline reads.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import orjson

from smm_pipeline.shop.clock import Clock, local
from smm_pipeline.shop.goods import money
from smm_pipeline.shop.orders import Order

COLUMNS = (
    "order_id",
    "order_number",
    "order_date_local",
    "sales_channel",
    "cause",
    "community_id",
    "post_id",
    "session_keys",
    "was_trackable",
    "why_not",
    "coupon",
    "total_amount",
    "shipping_amount",
    "discount_amount",
    "refunded_amount",
    "final_status",
)


def write_truth(home: Path, clock: Clock, orders: list[Order], notes: Mapping[str, int]) -> None:
    """One row per order, oldest first; `session_keys` are visitor/session pairs joined by a space."""
    folder = home / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "orders.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for order in orders:
            truth = order.truth
            refunded = sum(refund.amount for refund in order.refunds if refund.at < clock.end)
            writer.writerow(
                (
                    order.order_id,
                    order.number,
                    local(order.created).date(),
                    order.channel,
                    truth.cause,
                    truth.community_id,
                    truth.post_id,
                    " ".join(truth.session_keys),
                    str(not truth.why_not).lower(),
                    truth.why_not,
                    order.coupon,
                    money(order.total),
                    money(order.shipping),
                    money(order.discount),
                    money(refunded),
                    order.status_at(clock.end - 1)[1],
                )
            )
    (folder / "notes.json").write_bytes(orjson.dumps(dict(sorted(notes.items())), option=orjson.OPT_INDENT_2))

"""Time as the puller knows it.

Belongs here: the one place that reads a clock or waits, so that tests bring their own. Does not belong here: how long
to wait (client.py).
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime


class Clock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The instant, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Do nothing for so long."""
        threading.Event().wait(seconds)

"""People of the simulated shop and the devices they visit with.

Belongs here: persons, devices, and the fictional personal data vendors would deliver (example.com only). Does not
belong here: what people do.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from smm_pipeline.shop.clock import DAY, SECOND

CITIES = ("Kyiv", "Lviv", "Odesa", "Dnipro", "Kharkiv", "Vinnytsia", "Poltava")
COUNTRIES = (("Ukraine", "UA"), ("Poland", "PL"), ("Germany", "DE"))
SYSTEMS = {"mobile": ("Android", "iOS"), "desktop": ("Windows", "Macintosh"), "tablet": ("iOS", "Android")}
BROWSERS = {"Android": "Chrome", "iOS": "Safari", "Windows": "Chrome", "Macintosh": "Safari"}


@dataclass(slots=True)
class Device:
    """One browser: the analytics knows it by a cookie, if consent was given."""

    pseudo_id: str
    first_seen: int
    category: str
    system: str
    language: str
    country: str
    city: str
    consent: bool = True
    is_bot: bool = False
    last_seen: int = 0
    sessions: int = 0
    first_origin: tuple[str, str, str] = ("typein", "(direct)", "(none)")

    @property
    def browser(self) -> str:
        """Browser name as GA4 reports it."""
        return "HeadlessChrome" if self.is_bot else BROWSERS.get(self.system, "Chrome")


@dataclass(slots=True)
class Person:
    """One buyer. `customer_id` 0 is a guest, as in WooCommerce."""

    number: int
    customer_id: int
    phone: Device
    desktop: Device
    free_from: int = 0  # no journey of this person may begin before this instant
    bought: set[str] = field(default_factory=set)

    @property
    def email(self) -> str:
        """Fictional address."""
        return f"buyer{self.number:05d}@example.com"


class People:
    """Makes persons and anonymous devices, numbered in order of creation."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._persons = 0
        self._devices = 0

    def device(self, now: int, category: str | None = None) -> Device:
        """A device first seen at `now`."""
        rng = self._rng
        self._devices += 1
        category = category or rng.choices(("mobile", "desktop", "tablet"), (68, 29, 3))[0]
        country = "Ukraine" if rng.random() < 0.93 else rng.choice(COUNTRIES[1:])[0]
        pseudo_id = f"{100_000_000 + (self._devices * 7_919_317) % 1_900_000_000}.{now // SECOND}"
        language = rng.choices(("uk", "ru", "en-us"), (70, 22, 8))[0]
        city = rng.choice(CITIES) if country == "Ukraine" else "(not set)"
        return Device(pseudo_id, now, category, rng.choice(SYSTEMS[category]), language, country, city)

    def person(self, now: int) -> Person:
        """A new buyer with a phone and a desktop; six in ten are registered."""
        self._persons += 1
        registered = self._rng.random() < 0.6
        return Person(
            self._persons,
            700 + self._persons if registered else 0,
            self.device(now, "mobile"),
            self.device(now - int(self._rng.random() * 20) * DAY, "desktop"),
        )

"""Typed settings of one instance: smm.toml plus the environment.

Belongs here: every tunable with its unit and consequence, the paths of an instance folder, and the translation of a
wrong value into an error that names key, value and what was expected. Does not belong here: anything that opens a
database, reads a feed or imports Dagster.
"""

from __future__ import annotations

import os
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from smm_pipeline.channel_settings import Channels
from smm_pipeline.env_file import load_env_file
from smm_pipeline.errors import SmmError, line_of
from smm_pipeline.goal_settings import Goals
from smm_pipeline.machine_settings import Schedule, Warehouse
from smm_pipeline.pull_settings import Pull
from smm_pipeline.setting_errors import explain
from smm_pipeline.setting_types import (
    ContentPath,
    Currency,
    FeedName,
    FilePattern,
    Host,
    InnerPath,
    SearchWord,
    StoreUrl,
    TimePattern,
    TimeZone,
    below_paths,
    whole_words,
)

PROJECT_ROOT = Path(os.environ.get("SMM_PROJECT_ROOT", Path(__file__).resolve().parent.parent))
HOME_VARIABLE = "SMM_HOME"
PERSON_KEY_VARIABLE = "SMM_PERSON_KEY"
PERSON_KEY_MIN_BYTES = 32


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Shop(_Section):
    """What the shop is: its day, its money, its own addresses."""

    name: str = Field(description="Name of the shop, shown in the report")
    brand: str = Field("", description="Brand name as the monitoring service writes it; empty means the shop's name")
    time_zone: TimeZone = Field(
        description="IANA zone such as Europe/Kyiv in which days are cut; changing it needs a full rebuild"
    )
    currency: Currency = Field(description="Currency of every published amount, an ISO 4217 code such as UAH")
    own_hosts: tuple[Host, ...] = Field((), description="Hosts of the shop: never a source of traffic")
    payment_hosts: tuple[Host, ...] = Field((), description="Payment pages, added to the shipped list; never a source")
    brand_words: tuple[SearchWord, ...] = Field(
        (), description="Words by which people search for the shop, in each spelling; empty means the brand's name"
    )
    content_paths: tuple[ContentPath, ...] = Field(
        ("/blog",), description="Where paths of content pages begin; products are none. Empty: no page is content"
    )

    @property
    def brand_name(self) -> str:
        """Brand under which own mentions are counted."""
        return self.brand or self.name


class Feed(_Section):
    """One source of deliveries: the folder landing/<feed name> and how its files are read."""

    vendor: str = Field("", description="Shipped mapping, e.g. ga4; exactly one of vendor and mapping")
    mapping: InnerPath = Field("", description="Mapping file, relative to the instance folder and inside it")
    files: FilePattern = Field("**/*", description="Which files of the folder belong to the feed (glob)")
    time_zone: TimeZone | None = Field(None, description="Zone of timestamps without offset; default: the shop's zone")
    encoding: str = Field(
        "", description="Encoding of CSV and plain lines, e.g. cp1251; default: as the mapping says, mostly UTF-8"
    )
    constants: dict[str, str] = Field({}, description="Values for every row: property_id, store_id, brand, network ...")
    extracted_at: TimePattern = Field(
        "", description="Regular expression with a group named ts that finds the extraction time in the file name"
    )
    max_reject_share: float = Field(
        1.0, ge=0, le=1, description="A delivery with a larger share of rejected records is refused whole"
    )
    accept_empty: bool = Field(
        False, description="A file of 0 bytes says that there was nothing to tell; else it is refused as cut off"
    )
    silence: Literal["warn", "error"] = Field(
        "warn",
        description="What it is when the feed falls silent; after `error` `smm run` publishes and ends with 4",
    )
    pull: Pull | None = Field(None, description="Fetch the feed from its vendor's API as well: `[feeds.NAME.pull]`")

    @model_validator(mode="after")
    def _one_source(self) -> Feed:
        if bool(self.vendor) == bool(self.mapping):
            raise ValueError("expected exactly one of vendor and mapping")
        return self


class Rules(_Section):
    """Thresholds of the measurement rules; each change takes effect at the next rebuild of the days it touches."""

    # The shortest day has 11 hours to noon; with a longer gap no day could be cut from its neighbours alone.
    session_gap_seconds: int = Field(1800, gt=0, le=39_600, description="A longer silence starts a new session")
    vendor_session_gap_seconds: int = Field(
        28800, gt=0, le=39_600, description="A longer silence splits a vendor's session that reuses its id"
    )
    attribution_lookback_days: int = Field(30, ge=1, le=90, description="Visits before an order that share its credit")
    decay_half_life_days: int = Field(7, ge=1, le=90, description="Model time_decay: a visit so much older weighs half")
    touch_lookback_days: int = Field(60, ge=1, le=90, description="How long a social touch can explain an order")
    customer_max_visitors: int = Field(
        20, ge=1, le=1000, description="A customer or account with more devices in that time is nobody's own"
    )
    visitor_max_customers: int = Field(
        5,
        ge=1,
        le=1000,
        description="A device on which more customers ordered or signed in in that time is shared or the staff's: of "
        "its visits only the one an order was placed in counts. An account with orders of more is nobody's",
    )
    customer_window_hours: int = Field(
        24, ge=1, le=24, description="Visit of the same customer this long before an order"
    )
    impulse_hours: int = Field(36, ge=1, description="D2: touch, post and first view are at most this old")
    considered_min_sessions: int = Field(3, ge=2, description="D3: visits that viewed the item")
    considered_first_view_days: int = Field(7, ge=1, description="D3: the first of them is at least this old")
    considered_touch_days: int = Field(7, ge=1, description="D3: the convincing touch or action is at most this old")
    deferred_min_days: int = Field(4, ge=0, description="D4: touch or saved item is at least this old")
    deferred_max_days: int = Field(60, ge=1, validate_default=True, description="D4: and at most this old")
    deferred_quiet_days: int = Field(2, ge=0, description="D4: no matched touch in the last days before the order")
    deferred_max_views: int = Field(3, ge=0, description="D4: the item was viewed at most so often")
    paydays: tuple[Annotated[int, Field(ge=1, le=31)], ...] = Field(
        (1, 10, 25), description="D4: days of the month on which wages are paid, used where no calendar feed names any"
    )
    due_payday_days: int = Field(4, ge=0, le=28, description="D4: days after a payday that count as due")
    due_holiday_days_before: int = Field(9, ge=0, le=60, description="D4: days before a holiday that count as due")
    due_holiday_days_after: int = Field(1, ge=0, le=60, description="D4: days after a holiday that count as due")
    recommendation_days: int = Field(
        14, ge=1, description="D1: age of the recommendation or of any other matched touch"
    )
    content_later_days: int = Field(
        14, ge=1, le=30, description="D5: how long after a visit to content a return or an order counts as later"
    )
    potential_days: int = Field(60, ge=7, le=90, description="D4: without a sign for so long somebody has lapsed")
    core_window_days: int = Field(28, ge=7, le=90, description="Active core: window of member actions")
    alarm_min_posts: int = Field(4, ge=0, description="Dead community: fewer posts in 28 days are rare")
    alarm_min_likes_per_1000_followers: float = Field(
        1.0, ge=0, description="Dead community: fewer likes of a post per 1000 followers, over 28 days, are few"
    )
    alarm_spam_share: float = Field(
        0.3, ge=0, le=1, description="Dead community: a larger part of the messages of 28 days is surely spam"
    )
    exchange_rate_max_age_days: int = Field(
        7, ge=0, le=31, description="The last known exchange rate holds so long; later such an amount is unknown"
    )
    campaign_days: int = Field(
        7, ge=1, le=60, description="Days after a mailing or an event in which visits and orders count as its effect"
    )
    blogger_min_followers: int = Field(10_000, ge=1, description="A social author with so many followers is a blogger")

    @field_validator("deferred_max_days")
    @classmethod
    def _between_its_bounds(cls, value: int, info: ValidationInfo) -> int:
        least, most = info.data.get("deferred_min_days", 0), info.data.get("touch_lookback_days", value)
        if not least <= value <= most:
            raise ValueError(f"expected at least deferred_min_days = {least} and at most touch_lookback_days = {most}")
        return value


class _Overrides(EnvSettingsSource):
    """SMM_... variables that override the file. SMM_HOME says which instance is meant, and overrides nothing in it."""

    def __call__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__call__().items() if name != "home"}


class Settings(BaseSettings):
    """All settings of one instance.

    Raises SmmError SMM-102 on a wrong value through `load_settings`; environment variables such as
    SMM_RULES__IMPULSE_HOURS override the file.
    """

    model_config = SettingsConfigDict(
        env_prefix="SMM_", env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    home: Path
    shop: Shop
    feeds: dict[FeedName, Feed] = {}
    rules: Rules = Rules()
    channels: Channels = Channels()
    goals: Goals = Field((), description="Goals of the shop: `[[goals]]`; they may also come as a feed")
    warehouse: Warehouse = Warehouse()
    schedule: Schedule = Schedule()
    history_start: date = Field(date(2005, 1, 1), description="Records before this day are rejected")
    landing_url: StoreUrl = Field(
        "", description="Object store read besides landing/, e.g. `s3://bucket/prefix`, with a folder per feed (fsspec)"
    )
    landing_settle_seconds: int = Field(
        5, ge=0, le=600, description="A file of landing/ that changed so shortly ago is looked at twice: it may grow"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - replaced by our own
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - .env is read by load_settings
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - secrets come from the environment
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over smm.toml, which arrives as init values."""
        return _Overrides(settings_cls), init_settings

    @property
    def landing(self) -> Path:
        """Where deliveries arrive, one folder per feed."""
        return self.home / "landing"

    @property
    def raw_store(self) -> Path:
        """Deliveries as received, by hash."""
        return self.home / "raw"

    @property
    def warehouse_file(self) -> Path:
        """The private work database."""
        return self.home / "warehouse.duckdb"

    @property
    def serving_file(self) -> Path:
        """The published database that BI tools read."""
        return self.home / "serving" / "smm.duckdb"

    @property
    def report_file(self) -> Path:
        """The HTML page."""
        return self.reports / "smm_report.html"

    @property
    def reports(self) -> Path:
        """Folder of HTML reports."""
        return self.home / "reports"

    @property
    def zone(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.shop.time_zone)

    def sql_parameters(self) -> dict[str, int | float | str]:
        """Values that SQL files may name as $parameter: every rule, the shop's zone, currency and brand."""
        return {
            **self.rules.model_dump(exclude={"paydays"}),
            "paydays": ",".join(str(day) for day in self.rules.paydays),
            "time_zone": self.shop.time_zone,
            "shop_currency": self.shop.currency,
            "own_brand": self.shop.brand_name,
            "brand_word_pattern": whole_words(self.shop.brand_words or (self.shop.brand_name,)),
            "content_path_pattern": below_paths(self.shop.content_paths),
        }


def instance_home(home: Path | None = None) -> Path:
    """The instance folder: the argument, else SMM_HOME, else ./instance; absolute."""
    return Path(home or os.environ.get(HOME_VARIABLE) or "instance").resolve()


def load_settings(home: Path | None = None) -> Settings:
    """Read smm.toml of an instance, with the environment on top.

    Raises:
        SmmError: SMM-101 when there is no smm.toml, SMM-102 when a value is wrong.
    """
    folder = instance_home(home)
    path = folder / "smm.toml"
    if not path.is_file():
        raise SmmError("SMM-101", "there is no smm.toml", where=str(path), hint="run: smm init, or set SMM_HOME")
    try:
        # Some editors begin a file of UTF-8 with a byte order mark, which TOML does not know.
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        what = f"smm.toml is not UTF-8: byte {error.object[error.start]:#04x} in line {line_of(error)}"
        raise SmmError("SMM-102", what, where=str(path), hint="save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SmmError("SMM-102", f"smm.toml is not valid TOML: {error}", where=str(path)) from error
    load_env_file(folder / ".env")
    try:
        return Settings(**{**values, "home": folder})
    except ValidationError as error:
        what, variables = explain(error, Settings, _Overrides(Settings)(), hidden=["home"])
        where = ", ".join(sorted({"environment" if name else str(path) for name in variables}))
        raise SmmError("SMM-102", what, where=where, hint="see docs/settings.md") from error
    except SettingsError as error:
        what = f"an SMM_... variable cannot be read: {error}"
        raise SmmError("SMM-102", what, where="environment", hint='lists are JSON: ["shop.example"]') from error


def person_key(home: Path | None = None) -> bytes:
    """The secret of the keyed HMAC for personal identifiers.

    Args:
        home: the instance, where it is known: the error then names the file in which the key is missing.

    Raises:
        SmmError: SMM-103 when SMM_PERSON_KEY is missing or shorter than 32 bytes.
    """
    value = os.environ.get(PERSON_KEY_VARIABLE, "").encode()
    if len(value) < PERSON_KEY_MIN_BYTES:
        raise SmmError(
            "SMM-103",
            f"{PERSON_KEY_VARIABLE} is missing or shorter than {PERSON_KEY_MIN_BYTES} bytes",
            where=str(home / ".env") if home else "",
            hint="put the instance's .env back from its backup; where there is no work database yet, "
            "smm init writes one with a new key",
        )
    return value

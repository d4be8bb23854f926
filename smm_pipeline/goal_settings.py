"""Goals that a shop states in smm.toml: `[[goals]]`.

Belongs here: what a goal is made of, checked on its own. Does not belong here: the rest of smm.toml (settings.py),
goals that come as a feed (sql/raw/goal.yml) and how far they are reached (sql/kpi/kpi_goal_progress.sql).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from smm_pipeline.setting_types import shaped

Kpi = Annotated[str, shaped(r"kpi_[a-z_]+\.[a-z0-9_]+", "a table and its column, such as kpi_daily_benefit.orders")]


class Goal(BaseModel):
    """A goal of the shop, followed up in `kpi_goal_progress`; goals may also come as a feed (vendor `goals`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="Name of the goal; each once")
    kpi: Kpi = Field(description="Column of a daily KPI table, such as `kpi_daily_benefit.new_customers`")
    scope: str = Field(
        "all",
        min_length=1,
        description="all, social (whatever a network is credited with), a network, `network/community`, a community, "
        "or a benefit class, D1 to D4 together being `benefit`",
    )
    target: Decimal = Field(max_digits=18, decimal_places=4, description="Value to be reached")
    direction: Literal["at_least", "at_most"] = Field("at_least", description="Whether it is a least or a most value")
    starts_on: date | None = Field(None, description="First day that counts; default: the first day with data")
    due_on: date = Field(description="Day by which it is to be reached")

    @model_validator(mode="after")
    def _has_days(self) -> Goal:
        if self.starts_on is not None and self.starts_on > self.due_on:
            raise ValueError(f"expected a first day not after due_on = {self.due_on}")
        return self


def _each_once(goals: tuple[Goal, ...]) -> tuple[Goal, ...]:
    names = [goal.name for goal in goals]
    if again := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"expected every goal once, but {again[0]} stands there twice")
    return goals


Goals = Annotated[tuple[Goal, ...], AfterValidator(_each_once)]

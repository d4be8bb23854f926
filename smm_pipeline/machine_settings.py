"""What an instance may take of its machine and when: `[warehouse]` and `[schedule]` of smm.toml.

Belongs here: limits of memory, cores, disk and waiting, and the hour of the daily run. Does not belong here: the rest
of smm.toml (settings.py).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Warehouse(_Section):
    """Limits of the work database."""

    memory_limit: str = Field("1500MB", pattern=r"^\d+(MB|GB)$", description="DuckDB's target; spills to disk past it")
    threads: int = Field(2, ge=1, description="Processor cores that DuckDB uses")
    lock_timeout_seconds: int = Field(120, ge=0, description="How long a command waits for another process")
    min_free_bytes: int = Field(200_000_000, ge=0, description="A run does not start with less free disk")


class Schedule(_Section):
    """When the daily run starts."""

    hour: int = Field(5, ge=0, le=23, description="Local hour of the daily run")
    minute: int = Field(0, ge=0, le=59, description="Minute of the daily run")

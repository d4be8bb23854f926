"""The settings of one feed's pull: the `[feeds.NAME.pull]` of smm.toml.

Belongs here: what a pull takes, with units and consequences. Does not belong here: the rest of smm.toml (settings.py),
and what a vendor's API is like (room pulls).
"""

from __future__ import annotations

import ipaddress
from datetime import date
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from smm_pipeline.setting_types import InnerPath, shaped


def is_this_machine(host: str) -> bool:
    """Whether a host is a loopback address, to which nothing goes over a wire."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _api_address(value: str) -> str:
    parts = urlsplit(value)
    host = parts.hostname or ""
    if value and (not host or parts.username or parts.password or parts.query or parts.fragment):
        raise ValueError("expected an address such as https://shop.example/wp-json/wc/v3, without login and query")
    # A token must not cross a network in clear text.
    if value and parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(host)):
        raise ValueError("expected an address that begins with https://")
    return value.rstrip("/")


ApiAddress = Annotated[str, AfterValidator(_api_address)]
# The name of a variable, never its content: an error must not repeat a token that was put here by mistake.
VariableName = Annotated[str, shaped(r"[A-Z][A-Z0-9_]*|", "the name of an environment variable, such as SHOP_TOKEN")]


class Pull(BaseModel):
    """How the feed is fetched from its vendor's API; secrets stay in the environment or in the instance's .env."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vendor: str = Field("", description="Shipped description of the API (docs/pulls.md); default: the feed's vendor")
    description: InnerPath = Field("", description="Or a description of your own: a file inside the instance folder")
    base_url: ApiAddress = Field("", description="Address of the API; required where the vendor has no common one")
    account: str = Field("", description="Whose data: a site, page, topic, channel or counter id, as the vendor has it")
    token_env: VariableName = Field(
        "", description="Name of the variable that holds the token or key; needed unless anybody may ask"
    )
    secret_env: VariableName = Field("", description="Name of the variable of a second secret, e.g. a consumer secret")
    client_id: str = Field("", description="Id of the application, where a token is renewed by it")
    parameters: dict[str, str] = Field({}, description="Values for names in braces of the description, e.g. metrics")
    first_day: date | None = Field(None, description="Where the first pull begins; default: as the description says")
    deadline_minutes: int = Field(20, ge=1, le=600, description="After so long a pull ends; the next one goes on there")
    max_pages: int = Field(5000, ge=1, description="After so many pages a pull ends, and the next one goes on there")

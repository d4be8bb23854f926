"""Secrets of a pull, and keeping them out of everything that is written.

Belongs here: reading them from the environment and masking them in bytes and texts. Does not belong here: where in a
call they stand (client.py). Nothing here is ever printed, logged or stored.
"""

from __future__ import annotations

import base64
import json
import os
from urllib.parse import quote, quote_plus

from smm_pipeline.errors import SmmError
from smm_pipeline.pull_settings import Pull

MASK = "(token)"
# A shorter one would be found by chance in the data, and masked there.
LEAST_CHARACTERS = 8


class Secrets:
    """The token of a feed, its second secret, and every text that would give them away."""

    def __init__(self, token: str, secret: str = "") -> None:
        self.token, self.secret = token, secret
        self._forms: list[str] = []
        for value in (token, secret):
            self.add(value)
        if secret:
            self.add(self.basic)

    def __repr__(self) -> str:
        return "Secrets(...)"

    @property
    def basic(self) -> str:
        """Both as HTTP Basic writes them."""
        return base64.b64encode(f"{self.token}:{self.secret}".encode()).decode("ascii")

    def add(self, value: str) -> None:
        """Take note of another text that must not be written, such as a renewed token."""
        written = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], value.replace("/", "\\/")}
        self._forms = sorted({*self._forms, *written} - {""}, key=len, reverse=True)

    def masked(self, body: bytes) -> bytes:
        """The bytes without secrets: some vendors repeat the token in the address of the next page."""
        for form in self._forms:
            body = body.replace(form.encode(), MASK.encode())
        return body

    def masked_text(self, text: str) -> str:
        """The text without secrets."""
        return self.masked(text.encode()).decode()


def read_secrets(feed: str, pull: Pull) -> Secrets:
    """The secrets of a feed, from the environment.

    Raises:
        SmmError: SMM-103 naming the variable that is missing or too short.
    """
    return Secrets(_read(feed, "token_env", pull.token_env), _read(feed, "secret_env", pull.secret_env))


def _read(feed: str, key: str, variable: str) -> str:
    value = os.environ.get(variable, "").strip() if variable else ""
    if variable and len(value) < LEAST_CHARACTERS:
        raise SmmError(
            "SMM-103",
            f"{variable} is missing or shorter than {LEAST_CHARACTERS} characters",
            where=f"feeds.{feed}.pull.{key}",
            hint="put it into the instance's .env as NAME=value, or into the environment",
        )
    if not value.isascii() or not value.isprintable():
        raise SmmError(
            "SMM-103",
            f"{variable} holds characters that no token has",
            where=f"feeds.{feed}.pull.{key}",
            hint="copy the token again",
        )
    return value

"""Secrets of a pull, and keeping them out of everything that is written.

Belongs here: reading them from the environment and masking them in bytes and texts. Does not belong here: where in a
call they stand (client.py). Nothing here is ever printed, logged or stored.
"""

from __future__ import annotations

import base64
import os
import re
from html.entities import name2codepoint

from smm_pipeline.errors import SmmError
from smm_pipeline.pull_settings import Pull

MASK = "(token)"
# A shorter one would be found by chance in the data, and masked there.
LEAST_CHARACTERS = 8


class Secrets:
    """The token of a feed, its second secret, and every text that would give them away."""

    def __init__(self, token: str, secret: str = "") -> None:
        self.token, self.secret = token, secret
        self._known: set[str] = set()
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
        self._known |= {value} - {""}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(b"".join(map(_written, known)) for known in longest_first) or b"(?!)")

    def masked(self, body: bytes) -> bytes:
        """The bytes without secrets: some vendors repeat the token in the address of the next page."""
        return self._pattern.sub(_mask, body)

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


def _mask(found: re.Match[bytes]) -> bytes:
    """The mask, after those backslashes before a secret that escape each other: an odd one is the secret's."""
    secret = found[0].lstrip(b"\\")
    return b"\\" * ((len(found[0]) - len(secret)) // 2 * 2) + MASK.encode()


def _written(character: str) -> bytes:
    r"""Pattern of a character as itself, in an address, in JSON or HTML: `/`, `\/`, `%2F`, `%252f`, `\u002f`, `&#47;`.

    Each vendor escapes what it likes, so that each character of a secret may stand in another way, and JSON may stand
    in JSON.
    """
    plain, number = character.encode(), ord(character)
    itself = re.escape(plain) if character.isalnum() else rb"\\*" + re.escape(plain)
    in_address = "".join(f"%(?:25)*(?i:{byte:02x})" for byte in plain).encode()
    in_json = rf"\\+u(?i:{number:04x})".encode()
    names = "".join(f"|{name}" for name, code in name2codepoint.items() if code == number)
    in_html = rf"&(?:\#0*{number}|\#[xX]0*(?i:{number:x}){names});".encode()
    forms = [itself, in_address, in_json, in_html]
    return b"(?:" + b"|".join(forms + ([rb"\+"] if character == " " else [])) + b")"

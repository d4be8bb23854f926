"""What is written of a pull holds none of its secrets, however a vendor writes them."""

from __future__ import annotations

import base64

import pytest

from smm_pipeline.pulls.secrets import MASK, Secrets

SIGNS = 'ab/c+d=e"f&9'


@pytest.mark.parametrize(
    "written",
    [
        SIGNS,
        "ab%2Fc%2Bd%3De%22f%269",
        "ab%2fc%2bd%3de%22f%269",
        "ab%2fc%2Bd=e%22f&9",
        "ab%252Fc%252Bd%253De%2522f%25269",
        r"ab\/c+d=e\"f&9",
        r"ab\u002fc\u002Bd=e\u0022f\u00269",
        r"\u0061b/c%2Bd=e\"f\u00269",
        "%61%62%2F%63%2B%64%3D%65%22%66%26%39",
        # JSON in JSON, and HTML.
        r"ab\\/c+d=e\\\"f\\u00269",
        "ab&#47;c&#x2B;d=e&quot;f&amp;9",
    ],
)
def test_a_token_is_found_in_any_of_its_spellings(written: str) -> None:
    body = f'{{"next": "https://api.example/x?token={written}&page=2"}}'
    assert Secrets(SIGNS).masked_text(body) == f'{{"next": "https://api.example/x?token={MASK}&page=2"}}'


@pytest.mark.parametrize(
    ("written", "masked"),
    [
        (r'{"path": "C:\\/abcdefgh"}', r'{"path": "C:\\(token)"}'),
        (r'{"path": "C:\/abcdefgh"}', '{"path": "C:(token)"}'),
        (r'{"path": "C:\\\/abcdefgh"}', r'{"path": "C:\\(token)"}'),
    ],
)
def test_json_stays_json(written: str, masked: str) -> None:
    """Of the backslashes before a secret only the one that escapes its first character goes."""
    assert Secrets("/abcdefgh").masked_text(written) == masked


def test_every_secret_is_found_and_nothing_else() -> None:
    secrets = Secrets("first-token", "second-secret")
    secrets.add("first-token-renewed")
    basic = base64.b64encode(b"first-token:second-secret").decode()
    text = f"first-token-renewed first-token second-secret {basic} first-toke First-token"
    assert secrets.masked_text(text) == f"{MASK} {MASK} {MASK} {MASK} first-toke First-token"


def test_without_secrets_nothing_is_masked() -> None:
    assert Secrets("").masked(b"any text") == b"any text"

"""Pseudonyms: canonical forms, domain separation, and a value computed with another tool."""

from __future__ import annotations

import pytest

from smm_pipeline.ingest.persons import canonical, person_key

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("email", "  Olha.K@Example.COM ", "olha.k@example.com"),
        ("email", "olha@пошта.укр", "olha@xn--80a1acn3a.xn--j1amh"),
        ("email", "o.l.h.a+shop@gmail.com", "o.l.h.a+shop@gmail.com"),  # no provider's tricks
        ("email", "not an address", "not an address"),
        ("visitor", " AbC.1 ", "AbC.1"),
        ("customer_id", "и\u0306", "й"),
    ],
)
def test_canonical(kind: str, value: str, expected: str) -> None:
    assert canonical(kind, value) == expected


def test_key_is_the_keyed_hmac_of_kind_and_canonical_form() -> None:
    # printf %s 'email:v1:olha@example.com' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
    assert person_key("email", "OLHA@example.com", KEY) == "d5ff69251a521cd337deb3fb95afa440"


def test_kinds_and_keys_separate() -> None:
    keys = {person_key("email", "1", KEY), person_key("visitor", "1", KEY), person_key("visitor", "1", KEY[::-1])}
    assert len(keys) == 3

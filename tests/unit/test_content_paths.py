"""Which pages a setting of content paths means, and what is no path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from smm_pipeline.settings import Settings, Shop


def _shop(**values: Any) -> Shop:
    return Shop(name="A", time_zone="Europe/Kyiv", currency="UAH", **values)


@pytest.mark.parametrize("written", ["/blog", "/blog/", "blog", "blog/", " /blog "])
@pytest.mark.parametrize(
    ("page", "is_content"),
    [("/blog", True), ("/blog/", True), ("/blog/a", True), ("/blogger", False), ("/a/blog", False), ("/", False)],
)
def test_a_path_means_the_pages_below_it_however_it_is_written(
    tmp_path: Path, written: str, page: str, is_content: bool
) -> None:
    assert _is_content(tmp_path, _shop(content_paths=(written,)), page) is is_content


@pytest.mark.parametrize("page", ["", "/", "/blog", "/blog/a", "x"])
def test_without_paths_no_page_is_content(tmp_path: Path, page: str) -> None:
    assert not _is_content(tmp_path, _shop(content_paths=()), page)


def test_several_paths_with_signs_of_their_own(tmp_path: Path) -> None:
    """A dot is a dot."""
    shop = _shop(content_paths=("/articles/", "ua/blog.html"))
    pages = {"/articles/1": True, "/ua/blog.html": True, "/ua/blogxhtml": False, "/blog": False}
    assert {page: _is_content(tmp_path, shop, page) for page in pages} == pages


@pytest.mark.parametrize("written", ["", "/", " ", "https://shop.example/blog", "/blog?a=1", "/blog#top"])
def test_what_is_no_path_of_pages_is_refused(written: str) -> None:
    """The root would make content of every page, and an address matches no path."""
    with pytest.raises(ValidationError, match="expected the beginning of a path such as /blog"):
        _shop(content_paths=(written,))


def _is_content(home: Path, shop: Shop, page: str) -> bool:
    pattern = Settings(home=home, shop=shop).sql_parameters()["content_path_pattern"]
    [(found,)] = duckdb.execute("select regexp_matches(?, ?)", [page, pattern]).fetchall()
    return bool(found)

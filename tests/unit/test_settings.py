"""smm.toml and the environment: what is accepted, and what a wrong value is told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from smm_pipeline.errors import SmmError
from smm_pipeline.settings import PERSON_KEY_VARIABLE, load_settings, person_key
from smm_pipeline.warehouse.shop_seeds import SHOP_GOAL, shop_rows

GOOD = '[shop]\nname = "A"\ntime_zone = "Europe/Kyiv"\ncurrency = "UAH"\n'
GOAL = GOOD + "[[goals]]\nname = 'More'\nkpi = 'kpi_daily_benefit.orders'\ntarget = 0.25\ndue_on = 2026-06-30\n"


def _write(home: Path, text: str) -> Path:
    (home / "smm.toml").write_text(text, encoding="utf-8")
    return home


def test_a_minimal_file_is_enough(tmp_path: Path) -> None:
    """Everything but the shop has a default."""
    settings = load_settings(_write(tmp_path, GOOD))
    assert settings.rules.impulse_hours == 36
    assert settings.serving_file == tmp_path / "serving" / "smm.duckdb"
    assert settings.shop.brand_name == "A"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace("Europe/Kyiv", "Europe/Kiew"), ["shop.time_zone", "'Europe/Kiew'", "IANA time zone"]),
        (GOOD.replace("UAH", "грн"), ["shop.currency", "'грн'", "ISO 4217"]),
        (GOOD + "[rules]\nimpulse_hours = 0\n", ["rules.impulse_hours", "0", "greater than or equal to 1"]),
        (
            GOOD + "[rules]\nimpuls_hours = 5\n",
            ["rules.impuls_hours: is not a setting; did you mean impulse_"],
        ),
        (
            GOAL.replace("benefit.orders", "benefit.net_revenu_amount"),
            ["goals", "'kpi_daily_benefit.net_revenu_amount'", "did you mean kpi_daily_benefit.net_revenue_amount?"],
        ),
        (
            GOAL.replace("daily_benefit.orders", "monthly_return.cac_amount"),
            ["goals", "a figure that a goal may be about"],
        ),
        (GOOD + '[feeds.web]\nvendr = "ga4"\n', ["feeds.web.vendr: is not a setting; did you mean vendor?"]),
        *(
            (
                GOOD + f'[feeds.web]\nvendor = "ga4"\nfiles = "{files}"\n',
                [f"feeds.web.files = '{files}': expected a glob below the feed's folder such as *.csv or **/*.csv"],
            )
            for files in ("", "/data/*", "**", "**.csv", "a/**b/*", "../*", "2026/../*", "2026/", "a/**", ".", "a//b")
        ),
        ("[shp]\n" + GOOD, ["shp: is not a setting; did you mean shop?"]),
        (GOOD + 'own_hosts = "a.b"\n', ["shop.own_hosts = 'a.b': expected a list"]),
        (
            GOOD + 'own_hosts = ["https://shop.example/"]\n',
            ["shop.own_hosts.0 = 'https://shop.example/': expected a host such as shop.example"],
        ),
        (GOOD + 'payment_hosts = ["pay"]\n', ["shop.payment_hosts.0 = 'pay': expected a host such as shop.example"]),
        (GOOD + 'brand_words = ["ourbrand", " "]\n', ["shop.brand_words.1 = ' ': expected a word or several"]),
        (GOOD + '[feeds."Web shop"]\nvendor = "ga4"\n', ["feeds.Web shop = 'Web shop': expected a feed name"]),
        (
            GOOD + '[feeds.web]\nmapping = "mappings/../../x.yml"\n',
            ["feeds.web.mapping = 'mappings/../../x.yml': expected a path inside the instance folder"],
        ),
        (GOOD + '[feeds.web]\nmapping = "/x.yml"\n', ["feeds.web.mapping", "inside the instance folder"]),
        (
            GOOD + "[feeds.web]\nvendor = 'ga4'\nextracted_at = '(\\d+'\n",
            ["feeds.web.extracted_at", "'(\\\\d+'", "expected a regular expression", "unterminated"],
        ),
        (GOOD + "[feeds.web]\nvendor = 'ga4'\nextracted_at = '(\\d+)'\n", ["extracted_at", "(?P<ts>...)"]),
        (GOOD + '[feeds.web]\nvendor = "ga4"\nmapping = "x.yml"\n', ["feeds.web", "exactly one of vendor and mapping"]),
        (
            "[shop]\nname = 1\n",
            ["shop.time_zone: is required: IANA zone such as Europe/Kyiv", "ISO 4217", "shop.name = 1: expected text"],
        ),
        ("", ["shop: is required: expected a table with name, time_zone, currency"]),
        (
            GOOD + "[rules]\ndeferred_min_days = 90\n",
            ["rules.deferred_max_days = 60: expected at least deferred_min_days = 90"],
        ),
        (
            GOOD + "[rules]\ndeferred_max_days = 61\n",
            ["rules.deferred_max_days = 61: expected", "at most touch_lookback_days = 60"],
        ),
        (
            GOOD + "[rules]\ntouch_lookback_days = 30\n",
            ["rules.deferred_max_days = 60: expected", "at most touch_lookback_days = 30"],
        ),
        (GOOD + "[rules]\ndue_payday_days = 29\n", ["rules.due_payday_days = 29", "less than or equal to 28"]),
        (
            GOOD + "[rules]\ndue_holiday_days_before = 61\n",
            ["rules.due_holiday_days_before = 61", "less than or equal to 60"],
        ),
        (
            GOOD + "[rules]\ndue_holiday_days_after = 61\n",
            ["rules.due_holiday_days_after = 61", "less than or equal to 60"],
        ),
        ("[shop\n", ["not valid TOML"]),
        (
            GOAL.replace("kpi_daily_benefit.orders", "orders"),
            ["goals.0.kpi = 'orders': expected a figure that a goal may be about"],
        ),
        (GOAL + "starts_on = 2026-07-01\n", ["goals.0: expected a first day not after due_on = 2026-06-30"]),
        (
            GOAL.replace("0.25", "-3"),
            ["goals.0: expected a target of 0 or more of kpi_daily_benefit.orders, and not -3"],
        ),
        (GOAL + GOAL.removeprefix(GOOD), ["goals: expected every goal once, but More stands there twice"]),
        (
            GOOD + "[channels]\nspam_hosts = ['spam']\n",
            ["channels.spam_hosts.0 = 'spam': expected a host such as shop.example"],
        ),
        (
            GOOD + "[[channels.hosts]]\nsource = 'https://a.example/'\ncategory = 'socal'\n",
            ["channels.hosts.0.source = 'https://a.example/': expected a host without www.", "did you mean social?"],
        ),
        (
            GOOD + "[[channels.hosts]]\nsource = 'a.example'\ncategory = 'social'\n",
            ["channels.hosts.0: expected a network for a source of the category social"],
        ),
        (GOOD + "[[channels.hosts]]\nsource = 'a.example'\n", ["channels.hosts.0.category: is required: What channel"]),
        (
            GOOD + "[channels]\nspam_hosts = ['A.example']\n"
            "[[channels.hosts]]\nsource = 'a.example'\ncategory = 'email'\n",
            ["channels: expected every host once, but a.example stands there twice"],
        ),
        (
            GOOD + "[[channels.rules]]\nid = 'partners'\nchannel = 'Affiliate'\nmedium = ['post']\n",
            ["channels.rules.0.id = 'partners': expected a name that begins with own_", "did you mean Affiliates?"],
        ),
        (
            GOOD + "[[channels.rules]]\nid = 'own_x'\nchannel = 'Email'\n",
            ["channels.rules.0: expected at least one of category, source, medium and campaign"],
        ),
        (
            GOOD + "[[channels.rules]]\nid = 'own_x'\nchannel = 'Email'\nmedum = ['a']\n",
            ["channels.rules.0.medum: is not a setting; did you mean medium?"],
        ),
        (
            GOOD + "[[channels.rules]]\nid = 'own_x'\nchannel = 'Email'\nmedium = 'a'\n",
            ["channels.rules.0.medium = 'a': expected a list"],
        ),
        (
            GOOD + 2 * "[[channels.rules]]\nid = 'own_x'\nchannel = 'Email'\nmedium = ['a']\n",
            ["channels: expected every rule id once, but own_x stands there twice"],
        ),
    ],
)
def test_a_wrong_value_names_key_value_and_what_was_expected(tmp_path: Path, text: str, told: list[str]) -> None:
    """Every error says which key, which value, and what would do."""
    with pytest.raises(SmmError) as caught:
        load_settings(_write(tmp_path, text))
    assert caught.value.code == "SMM-102"
    assert [part for part in told if part not in caught.value.what] == []
    assert "Value error" not in caught.value.what


@pytest.mark.parametrize(
    "files", ["*", "**/*", "*.csv", "2026/*.csv", "**/[ab]?.csv", "*/**/x.csv", "./*.csv", "a..b/*"]
)
def test_globs_of_files_pass(tmp_path: Path, files: str) -> None:
    text = GOOD + f'[feeds.web]\nvendor = "ga4"\nfiles = "{files}"\n'
    assert load_settings(_write(tmp_path, text)).feeds["web"].files == files


def test_no_less_than_a_loss_may_be_a_goal(tmp_path: Path) -> None:
    """Of figures that are below 0 at times."""
    text = GOAL.replace("kpi_daily_benefit.orders", "kpi_daily_supporters.members_net").replace("0.25", "-20")
    assert [goal.target for goal in load_settings(_write(tmp_path, text)).goals] == [-20]


def test_goals_become_rows_of_their_seed(tmp_path: Path) -> None:
    """A target is the number that stands in the file, not a float near it."""
    settings = load_settings(_write(tmp_path, GOAL))
    rows = shop_rows((), (), settings.channels, settings.goals)[SHOP_GOAL]
    due = date(2026, 6, 30)
    assert rows == [("More", "kpi_daily_benefit.orders", "all", Decimal("0.25"), "at_least", None, due)]


def test_a_byte_order_mark_is_no_part_of_the_settings(tmp_path: Path) -> None:
    """Windows editors write one before UTF-8."""
    (tmp_path / "smm.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_settings(tmp_path).shop.name == "A"


@pytest.mark.parametrize(("encoding", "told"), [("cp1251", "byte 0xcb in line 2"), ("utf-16", "byte 0xff in line 1")])
def test_another_encoding_is_called_by_its_name(tmp_path: Path, encoding: str, told: str) -> None:
    """It is no fault of TOML; the next step is said."""
    (tmp_path / "smm.toml").write_bytes(GOOD.replace('"A"', '"Лампа"').encode(encoding))
    with pytest.raises(SmmError, match=f"SMM-102: smm.toml is not UTF-8: {told}") as caught:
        load_settings(tmp_path)
    assert caught.value.hint == "save it as UTF-8"


def test_both_ends_of_a_deferred_purchase_may_be_moved(tmp_path: Path) -> None:
    text = GOOD + "[rules]\ntouch_lookback_days = 90\ndeferred_min_days = 90\ndeferred_max_days = 90\n"
    assert load_settings(_write(tmp_path, text)).rules.deferred_max_days == 90


def test_hosts_may_be_written_in_any_alphabet(tmp_path: Path) -> None:
    """Browsers send xn--..., people write letters."""
    settings = load_settings(_write(tmp_path, GOOD + 'own_hosts = ["магазин.рф", "www.Shop-1.example"]\n'))
    assert settings.shop.own_hosts == ("магазин.рф", "www.Shop-1.example")


def test_a_variable_that_cannot_be_read_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list in the environment is JSON."""
    monkeypatch.setenv("SMM_SHOP__OWN_HOSTS", "shop.example")
    with pytest.raises(SmmError, match=r"SMM-102[\s\S]*JSON"):
        load_settings(_write(tmp_path, GOOD))


def test_a_missing_instance_says_what_to_do(tmp_path: Path) -> None:
    """Without smm.toml the next step is named."""
    with pytest.raises(SmmError, match=r"SMM-101[\s\S]*smm init"):
        load_settings(tmp_path / "nowhere")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One tunable can be set for one run."""
    monkeypatch.setenv("SMM_RULES__IMPULSE_HOURS", "24")
    assert load_settings(_write(tmp_path, GOOD + "[rules]\nimpulse_hours = 5\n")).rules.impulse_hours == 24


def test_a_named_instance_is_not_exchanged_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SMM_HOME is the default for the folder; a folder that is given stays."""
    monkeypatch.setenv("SMM_HOME", "elsewhere")
    assert load_settings(_write(tmp_path, GOOD)).home == tmp_path


@pytest.mark.parametrize("key", ["", "short"])
def test_a_weak_person_key_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guessable key would make the pseudonyms guessable."""
    monkeypatch.setenv(PERSON_KEY_VARIABLE, key)
    with pytest.raises(SmmError, match="SMM-103"):
        person_key()


MISPLACED = "s3cr3t-value-of-somebody"


@pytest.mark.parametrize(
    "content",
    [
        b"SMM_PERSON_KEY=%s\n",
        b"\xef\xbb\xbfSMM_PERSON_KEY=%s\r\n",
        b"# a note = none\n\nexport SMM_PERSON_KEY=%s",
        b"  export  SMM_PERSON_KEY = '%s'\n",
        b'SMM_PERSON_KEY="%s"\n',
    ],
)
def test_the_person_key_is_found_in_any_usual_env_file(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PERSON_KEY_VARIABLE, "")
    (tmp_path / ".env").write_bytes(content % (b"k" * 40))
    load_settings(_write(tmp_path, GOOD))
    assert person_key() == b"k" * 40


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (MISPLACED.encode("utf-16"), "in line 1"),
        (MISPLACED.encode("utf-16-le"), "it holds zero bytes"),
        ("# one\n# ключ\n".encode("cp1251") + MISPLACED.encode(), "in line 2"),
    ],
)
def test_another_encoding_of_the_env_file_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SmmError) as caught:
        load_settings(_write(tmp_path, GOOD))
    error = caught.value
    assert (error.code, error.where, error.hint) == ("SMM-102", str(tmp_path / ".env"), "save it as UTF-8")
    assert error.what.startswith(".env is not UTF-8")
    assert told in error.what
    assert MISPLACED not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        f"person_key = '{MISPLACED}'\n",
        f"SMM_PERSON_KEY = '{MISPLACED}'\n",
        f"[shop]\nanything = '{MISPLACED}'\n",
        f"[feeds.web]\nvendor = 'ga4'\napi_token = '{MISPLACED}'\n",
        f"[feeds.web]\nvendor = 'ga4'\nmapping = 'x.yml'\nconstants = {{ password = '{MISPLACED}' }}\n",
        f"[feeds.web]\nvendor = 'ga4'\nconstants = {{ token = ['{MISPLACED}'] }}\n",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path, text: str) -> None:
    shop = "" if text.startswith("[shop]") else "[shop]\nname = 'x'\ntime_zone = 'UTC'\ncurrency = 'UAH'\n"
    above, below = (text, shop) if not text.startswith("[") else (shop, text)
    (tmp_path / "smm.toml").write_text(above + below, encoding="utf-8")
    with pytest.raises(SmmError, match="SMM-102") as caught:
        load_settings(tmp_path)
    assert MISPLACED not in str(caught.value)


def test_a_person_key_in_the_settings_is_told_its_place(tmp_path: Path) -> None:
    (tmp_path / "smm.toml").write_text("person_key = 'abc'\n" + GOOD, encoding="utf-8")
    with pytest.raises(
        SmmError, match=r"person_key: is not a setting; the person key stands in \.env as SMM_PERSON_KEY"
    ):
        load_settings(tmp_path)


def test_a_wrong_value_of_the_environment_is_blamed_on_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "smm.toml"
    path.write_text(GOOD, encoding="utf-8")
    monkeypatch.setenv("SMM_RULES__IMPULSE_HOURS", "abc")
    with pytest.raises(SmmError, match=r"SMM_RULES__IMPULSE_HOURS \(rules\.impulse_hours\) = 'abc': ") as caught:
        load_settings(tmp_path)
    assert caught.value.where == "environment"
    # A whole section as JSON; the file has a mistake of its own.
    monkeypatch.delenv("SMM_RULES__IMPULSE_HOURS")
    monkeypatch.setenv("SMM_SCHEDULE", '{"hour": 99}')
    path.write_text(GOOD + "[rules]\nimpulse_hours = 0\n", encoding="utf-8")
    with pytest.raises(
        SmmError, match=r"rules\.impulse_hours = 0: .*; SMM_SCHEDULE \(schedule\.hour\) = 99: "
    ) as caught:
        load_settings(tmp_path)
    assert caught.value.where == f"{path}, environment"

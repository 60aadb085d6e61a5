import pytest

from rottenbot import settings


def test_says_in_one_sentence_what_is_missing_and_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_HOST", raising=False)
    monkeypatch.setenv("DATABASE_SECRET", "arn")
    monkeypatch.setenv("DATABASE_PORT", "many")
    with pytest.raises(settings.SettingsError) as error:
        settings.Database.read()
    assert "DATABASE_HOST" in str(error.value)
    assert "DATABASE_PORT" in str(error.value)
    assert "\n" not in str(error.value)


def test_never_repeats_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "http://user:hunter2@host")
    with pytest.raises(settings.SettingsError) as error:
        settings.Cache.read()
    assert "hunter2" not in str(error.value)


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVE_BUCKET", "archive")
    monkeypatch.setenv("ARCHIVE_ENDPOINT_URL", "")
    assert settings.Archive.read().archive_endpoint_url is None


@pytest.mark.parametrize(
    "value",
    ["https://www.example.com", "http://localhost:8080", "http://127.0.0.1:3000,https://a.example,http://[::1]:3000"],
)
def test_the_sites_that_are_let_in_are_origins_as_browsers_write_them(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", value)
    assert settings.Cors.read().origins == value.split(",")


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "null",
        "www.example.com",
        "https://www.example.com/",
        "https://WWW.example.com",
        "https://*.example.com",
        "https://user@example.com",
        "https://a.example, https://b.example",
        "https://a.example,",
        "https://a.example:443",
        "http://b.example:80,https://a.example",
        "https://a.example:0",
        "ftp://a.example",
        "https://a.example\n",
    ],
)
def test_anything_else_lets_no_function_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CORS_ORIGINS", value)
    with pytest.raises(settings.SettingsError, match="CORS_ORIGINS"):
        settings.Cors.read()

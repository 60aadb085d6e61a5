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

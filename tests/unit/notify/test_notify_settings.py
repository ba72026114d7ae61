"""Settings: all errors are reported at once, without passwords."""

from datetime import timedelta

import pytest

from chassis.operations.settings import SettingsError, load
from services.notify.settings import Settings

GOOD = {
    "TANDEM_MONGO_URL": "mongodb://127.0.0.1",
    "TANDEM_AMQP_URL": "amqp://127.0.0.1",
    "TANDEM_SMTP_URL": "smtp://127.0.0.1:25",
}


def test_defaults() -> None:
    """Reminders go out a day and an hour before."""
    assert load(Settings, GOOD, "worker").leads == (timedelta(days=1), timedelta(hours=1))


def test_all_faults_at_once() -> None:
    """Every setting that can't be is named."""
    bad = {
        **GOOD,
        "TANDEM_SMTP_URL": "https://user:secret@mail.example",
        "TANDEM_MAIL_FROM": "tandem",
        "TANDEM_MAIL_ATTEMPTS": "0",
        "TANDEM_REMINDER_LEADS": "soon",
    }
    with pytest.raises(SettingsError) as caught:
        load(Settings, bad, "worker")
    text = str(caught.value)
    for name in ("SMTP_URL", "MAIL_FROM", "MAIL_ATTEMPTS", "REMINDER_LEADS"):
        assert f"TANDEM_{name}" in text
    assert "secret" not in text


@pytest.mark.parametrize("leads", ["-1", "0", "1e20", "nan", "86400;3600"])
def test_leads_that_cannot_be(leads: str) -> None:
    """A lead time is a number of seconds above 0 and within a year."""
    with pytest.raises(SettingsError, match="REMINDER_LEADS"):
        load(Settings, {**GOOD, "TANDEM_REMINDER_LEADS": leads}, "worker")


def test_no_leads_means_no_reminders() -> None:
    """An empty list turns reminders off."""
    assert load(Settings, {**GOOD, "TANDEM_REMINDER_LEADS": ""}, "worker").leads == ()

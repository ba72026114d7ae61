"""The file of meeting servers: what is wrong with it, and that it is read again."""

import os
from pathlib import Path

import pytest

from chassis.operations.settings import SettingsError
from services.sessions.domain.meeting_pool import ServerRoom
from services.sessions.meeting_pool import MeetingPool, servers_of
from services.sessions.providers.bigbluebutton import BigBlueButton
from services.sessions.providers.link import PlainLink
from services.sessions.providers.zoom import Zoom

ALL = """
[servers.alpha]
provider = "BIGBLUEBUTTON"
url = "https://alpha.example.edu/bigbluebutton"
secret = "s"
capacity = 300

[servers.zoom]
provider = "ZOOM"
account_id = "a"
client_id = "c"
client_secret = "s"
host = "classes@example.edu"
webhook_secret = "w"
registrant_domain = "zoom.example.edu"

[servers.hall]
provider = "LINK"
url = "https://meet.example.edu/hall"
"""
WRONG = """
[servers.Alpha]
provider = "BIGBLUEBUTTON"
url = 7
colour = "red"
capacity = -1

[servers.beta]
provider = "TEAMS"

[servers.gamma]
provider = "ZOOM"
"""


def test_each_provider_has_its_adapter() -> None:
    """And its capacity; without one, it has room for any number."""
    servers = servers_of(ALL)
    kinds = {name: type(each.provider) for name, each in servers.items()}
    assert kinds == {"alpha": BigBlueButton, "zoom": Zoom, "hall": PlainLink}
    assert [each.room for each in servers.values()] == [
        ServerRoom("alpha", 300),
        ServerRoom("zoom", 0),
        ServerRoom("hall", 0),
    ]


def test_every_fault_is_told_at_once() -> None:
    """With the server, and what would be right."""
    with pytest.raises(ValueError, match="is no name") as error:
        servers_of(WRONG)
    for part in (
        "[servers.Alpha] secret is missing",
        "[servers.Alpha] url is no text",
        "[servers.Alpha] colour is unknown",
        "[servers.Alpha] capacity is -1",
        "[servers.beta] provider is missing or unknown; right would be BIGBLUEBUTTON, ZOOM, LINK",
        "[servers.gamma] host is missing",
    ):
        assert part in str(error.value)


@pytest.mark.parametrize("text", ["", "[servers]", "servers = 1", "[servers", "a = 1"])
def test_a_file_without_servers_is_refused(text: str) -> None:
    """And so is one that is no TOML."""
    with pytest.raises(ValueError, match=r".+"):
        servers_of(text)


def test_an_unsafe_url_is_refused_without_its_secret() -> None:
    """Secrets go by HTTPS only, and into no error."""
    unsafe = ALL.replace("https://alpha", "http://alpha").replace('"s"', '"hush"')
    with pytest.raises(ValueError, match=r"\[servers\.alpha\]") as error:
        servers_of(unsafe)
    assert "hush" not in str(error.value)


def test_a_pool_reads_its_file_again(tmp_path: Path) -> None:
    """Also one that comes later; a faulty one changes nothing, and none means no servers."""
    file = tmp_path / "servers.toml"
    pool = MeetingPool(file, "https://api.example.edu/", look=0)
    assert not pool
    file.write_text(ALL)
    assert [each.name for each in pool.rooms()] == ["alpha", "zoom", "hall"]
    assert pool.webhook_url("alpha") == "https://api.example.edu/meetings/alpha/webhook"
    file.write_text(WRONG)
    assert pool.provider("alpha") is not None
    file.unlink()
    assert not pool
    assert pool.provider("alpha") is None
    assert MeetingPool().webhook_url("alpha") == ""


def test_a_faulty_file_stops_the_start(tmp_path: Path) -> None:
    """With the setting's name."""
    file = tmp_path / "servers.toml"
    file.write_text(WRONG)
    with pytest.raises(SettingsError, match="TANDEM_MEETINGS_FILE"):
        MeetingPool(file)
    os.truncate(file, 0)
    with pytest.raises(SettingsError, match="there is no table"):
        MeetingPool(file)

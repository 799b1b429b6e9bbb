import socket
from pathlib import Path

import pytest

from podring_broker.options import OPTIONS
from podring_broker.settings import BadSetting, read


def test_defaults_need_nothing() -> None:
    settings = read([], {"STATE_DIRECTORY": "/state/a:/state/b"})
    assert (settings.host, settings.port) == ("127.0.0.1", 7070)
    assert (settings.socket, settings.socket_chosen) == ("/run/podring/broker.sock", False)
    assert settings.catalogue == "sqlite:///state/a/catalogue.db"
    assert settings.node == socket.gethostname()
    assert settings.log_level == "info"
    assert settings.budget > 0


def test_without_a_state_folder_root_and_users_have_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert read([], {}).catalogue == "sqlite:///var/lib/podring/catalogue.db"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    assert read([], environment).catalogue == f"sqlite://{tmp_path}/podring/catalogue.db"


def test_a_user_without_a_home_is_asked_where_the_catalogue_shall_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HOME", raising=False)
    for name in ("geteuid", "getuid"):
        monkeypatch.setattr(f"os.{name}", lambda: 54321)
    with pytest.raises(BadSetting, match=r"^--catalogue: this user has no home folder"):
        read([], {})
    assert read(["--catalogue", "memory:"], {}).catalogue == "memory:"


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.flag)
def test_every_setting_has_a_flag_that_beats_its_variable(option: object) -> None:
    values = {
        "--host": ("0.0.0.0", "::1"),
        "--port": ("1", "2"),
        "--socket": ("/a", "/b"),
        "--catalogue": ("memory:", "sqlite:///a"),
        "--budget": ("1Gi", "2Gi"),
        "--node": ("one", "two"),
        "--socket-mode": ("660", "600"),
        "--authenticate": ("none", "tokens"),
        "--tokens": ("/a", "/b"),
        "--audience": ("one", "two"),
        "--managers": ("one", "one,two"),
        "--api-server": ("https://a", "https://b"),
        "--service-account": ("/a", "/b"),
        "--publishers-group": ("1000", "2000"),
        "--max-topics": ("1", "2"),
        "--max-rate": ("1", "0"),
        "--log-level": ("debug", "error"),
    }
    flag, variable = option.flag, option.variable  # type: ignore[attr-defined]
    attribute = flag[2:].replace("-", "_")
    first, second = values[flag]
    by_flag = getattr(read([flag, first], {}), attribute)
    by_variable = getattr(read([], {variable: second}), attribute)
    assert by_flag != by_variable
    assert getattr(read([flag, first], {variable: second}), attribute) == by_flag
    assert variable == f"PODRING_{attribute.upper()}"


def test_an_empty_variable_counts_as_unset() -> None:
    assert read([], {"PODRING_PORT": ""}).port == 7070


def test_no_socket_can_be_asked_for() -> None:
    assert read(["--socket", "none"], {}).socket is None


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--port", "70707"),
        ("--port", "9" * 5000),
        ("--catalogue", "redis://[::1"),
        ("--port", "-1"),
        ("--port", "http"),
        ("--budget", "a lot"),
        ("--budget", "0"),
        ("--budget", "0%"),
        ("--budget", "101%"),
        ("--budget", "64Qi"),
        ("--node", "a/b"),
        ("--node", "x" * 254),
        ("--log-level", "chatty"),
        ("--socket-mode", "rw"),
        ("--socket-mode", "6666"),
        ("--authenticate", "yes"),
        ("--publishers-group", "staff"),
        ("--publishers-group", "4294967295"),
        ("--max-topics", "many"),
        ("--max-rate", "1.5"),
    ],
)
def test_a_setting_that_cannot_work_is_named(flag: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"^{flag}: "):
        read([f"{flag}={value}"], {})


def test_what_came_from_a_variable_is_named_by_it() -> None:
    with pytest.raises(BadSetting) as refusal:
        read([], {"PODRING_MAX_TOPICS": "many"})
    told = refusal.value.told
    assert told([], {"PODRING_MAX_TOPICS": "many"}).startswith("PODRING_MAX_TOPICS: 'many' is not")
    for arguments in (["--max-topics", "many"], ["--max-topics=many"]):
        assert told(arguments, {"PODRING_MAX_TOPICS": "1"}).startswith("--max-topics: ")
    assert told([], {}).startswith("--max-topics: ")


def test_a_flag_is_not_guessed() -> None:
    with pytest.raises(SystemExit) as leaving:
        read(["--por", "1"], {})
    assert leaving.value.code == 2


def test_the_line_feed_at_the_end_of_a_file_is_no_part_of_the_catalogue() -> None:
    assert read([], {"PODRING_CATALOGUE": "redis://host/1\n"}).catalogue == "redis://host/1"


def test_help_tells_every_setting_its_variable_and_its_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as leaving:
        read(["--help"], {})
    assert leaving.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for option in OPTIONS:
        assert option.flag in text
        assert option.variable in text
        assert option.default in text

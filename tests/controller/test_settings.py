"""Settings: a flag beats its variable, and what cannot work is refused by its flag's name."""

import pytest

from podring_controller.settings import OPTIONS, BadSetting, Settings, read


def test_without_anything_the_defaults_hold() -> None:
    assert read([], {}) == Settings(health=("0.0.0.0", 8080))


def test_a_flag_beats_its_variable_and_an_empty_variable_counts_as_unset() -> None:
    found = read(["--resync", "5"], {"PODRING_RESYNC": "9", "PODRING_NODE_GRACE": ""})
    assert (found.resync_s, found.node_grace_s) == (5.0, 300.0)


def test_every_option_can_be_set_by_its_variable() -> None:
    values = {
        "PODRING_BROKERS_NAMESPACE": "elsewhere",
        "PODRING_BROKERS_SERVICE": "others",
        "PODRING_RESYNC": "1.5",
        "PODRING_NODE_GRACE": "0",
        "PODRING_BROKER_CALLS": "3",
        "PODRING_HEALTH": "[::1]:9",
        "PODRING_PLACEMENT_WEBHOOK": "yes",
        "PODRING_LOG_LEVEL": "DEBUG",
    }
    assert sorted(values) == sorted(each.variable for each in OPTIONS)
    assert read([], values) == Settings(
        "elsewhere", "others", 1.5, 0.0, 3, ("::1", 9), placement_webhook=True, log_level="debug"
    )


def test_a_flag_of_yes_and_no_may_stand_alone() -> None:
    assert read(["--placement-webhook"], {}).placement_webhook
    assert not read(["--placement-webhook", "no"], {}).placement_webhook


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--brokers-namespace", "Not_A_Name"),
        ("--brokers-service", "a/b"),
        ("--resync", "0"),
        ("--resync", "nan"),
        ("--node-grace", "-1"),
        ("--broker-calls", "0"),
        ("--health", "8080"),
        ("--health", "localhost:99999"),
        ("--placement-webhook", "maybe"),
        ("--log-level", "loud"),
    ],
)
def test_what_cannot_work_is_refused_by_its_flags_name(flag: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"^{flag}: ") as refused:
        read([f"{flag}={value}"], {})
    assert repr(value) in str(refused.value)


def test_help_names_every_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read(["--help"], {})
    text = capsys.readouterr().out
    assert all(each.variable in text and each.flag in text for each in OPTIONS)

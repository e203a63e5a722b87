"""Settings: safe defaults, refusals that name the variable, and a document that says the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from comity.policy.block import UNCONFIRMED_SECONDS_MAX
from comity.roles.settings import (
    Settings,
    SettingsError,
    load_settings,
    setting_facts,
    settings_environment,
    unknown_settings,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the machine itself may have set."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"COMITY_{name.upper()}", raising=False)


def test_nothing_set_is_safe() -> None:
    """Without any variable the engines are our own, on free ports of this machine."""
    found = load_settings()
    assert (found.database_url, found.nats_url) == (None, None)
    ports = {found.line_port, found.http_port, found.postgres_port, found.nats_port}
    assert ports == {0}
    assert found.network_ori == "NL0000000"
    assert found.engine_user == "nobody"


def test_variable_counts_and_option_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable replaces a default, and a command's option replaces the variable."""
    monkeypatch.setenv("COMITY_LINE_PORT", "7001")
    assert load_settings().line_port == 7001
    assert load_settings(line_port=7002).line_port == 7002


def test_console_is_alone_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a setting the console is on this machine and has no provider; both may be named."""
    found = load_settings()
    assert (found.console_bind, found.console_port) == ("127.0.0.1", 0)
    assert (found.console_url, found.oidc_issuer, found.oidc_client_secret_file) == (None,) * 3
    monkeypatch.setenv("COMITY_CONSOLE_URL", "https://console.example.invalid")
    monkeypatch.setenv("COMITY_OIDC_ISSUER", "https://id.example.invalid/realms/wa")
    found = load_settings()
    assert found.console_url == "https://console.example.invalid"
    assert found.oidc_issuer == "https://id.example.invalid/realms/wa"


def test_fronts_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several stand in one variable with commas between them."""
    monkeypatch.setenv("COMITY_CONSOLE_FRONTS", "192.0.2.10,2001:db8::/64")
    assert list(map(str, load_settings().console_fronts)) == ["192.0.2.10/32", "2001:db8::/64"]


@pytest.mark.parametrize("said", ["proxy", "192.0.2.10/24", "0.0.0.0/0", "::/0", "192.0.2.10,x"])
def test_no_front_is_everyone(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """What is no address or network of some is refused."""
    monkeypatch.setenv("COMITY_CONSOLE_FRONTS", said)
    with pytest.raises(SettingsError, match="COMITY_CONSOLE_FRONTS"):
        load_settings()


def test_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable leaves the default."""
    monkeypatch.setenv("COMITY_NATS_URL", "")
    assert load_settings().nats_url is None


def test_hosts_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several hosts stand in one variable with commas between them."""
    monkeypatch.setenv("COMITY_HOSTS", "east,west")
    assert load_settings().hosts == ("east", "west")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMITY_LINE_PORT", "65536"),
        ("COMITY_LINE_PORT", "many"),
        ("COMITY_NETWORK_ORI", "NL1"),
        ("COMITY_HOSTS", "east,we.st"),
        ("COMITY_HOSTS", "east,>"),
        ("COMITY_READY_S_MAX", "-1"),
        ("COMITY_SHARED_BUFFERS_MIB_MAX", "1"),
        ("COMITY_CONFIRM_SECONDS_MAX", "0"),
        ("COMITY_CONFIRM_SECONDS_MAX", "86401"),
        ("COMITY_CONSOLE_URL", "http://console.example.invalid"),
        ("COMITY_CONSOLE_URL", "https://console.example.invalid/desk"),
        ("COMITY_CONSOLE_URL", "https://user@console.example.invalid"),
        ("COMITY_OIDC_ISSUER", "http://id.example.invalid"),
        ("COMITY_OIDC_ISSUER", "id.example.invalid"),
        ("COMITY_OIDC_CLIENT_ID", "two words"),
    ],
)
def test_malformed_value_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value outside its limits is refused with the variable's name and without the value."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert f"`{name}`" in str(refusal.value)
    assert value not in str(refusal.value).replace(name, "").split()


def test_unknown_option_is_refused() -> None:
    """A name that is no setting cannot be given by a command."""
    with pytest.raises(SettingsError, match="COMITY_LINE_PROT"):
        load_settings(line_prot=1)


def test_secret_is_not_shown() -> None:
    """The form of the settings that a log could show holds no password."""
    found = load_settings(database_url="postgresql://a:hidden@127.0.0.1/comity")
    assert "hidden" not in repr(found)
    assert "hidden" not in str(found.model_dump())


def test_misspelt_variable_is_found() -> None:
    """A variable with our prefix that is no setting is reported; others are not looked at."""
    environment = {"COMITY_DATABSE_URL": "x", "COMITY_LINE_PORT": "1", "HOME": "y"}
    assert unknown_settings(environment) == ("COMITY_DATABSE_URL",)


def test_other_process_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was chosen passes to another process through its environment, secrets included."""
    chosen = load_settings(
        data_dir="some/place",
        hosts=("east", "west"),
        nats_url="nats://a:b@127.0.0.1:1",
        page_command=("/usr/bin/page", "a, b", '"'),
    )
    for name, value in settings_environment(chosen).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == chosen
    assert load_settings().nats_url == SecretStr("nats://a:b@127.0.0.1:1")


@pytest.mark.parametrize("text", ["page", "[]", "[1]", '{"a":1}', '"page"'])
def test_a_page_command_is_a_list_of_words(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A shell's line is refused: nothing here would take it apart as a shell does."""
    monkeypatch.setenv("COMITY_PAGE_COMMAND", text)
    with pytest.raises(SettingsError, match="COMITY_PAGE_COMMAND"):
        load_settings()


def test_a_block_waits_for_its_confirmation_a_day_at_most() -> None:
    """As long as the rules let it (ADR 0028); a setting can only shorten that."""
    assert load_settings().confirm_seconds_max == UNCONFIRMED_SECONDS_MAX
    assert load_settings(confirm_seconds_max=1).confirm_seconds_max == 1
    with pytest.raises(SettingsError, match="COMITY_CONFIRM_SECONDS_MAX"):
        load_settings(confirm_seconds_max=UNCONFIRMED_SECONDS_MAX + 1)


def test_document_holds_every_setting() -> None:
    """The reference says of each setting exactly what the code says, in the same order."""
    rows = [
        f"| `{fact.variable}` | {fact.unit} | `{fact.default}` | {fact.meaning} |"
        for fact in setting_facts()
    ]
    written = DOCUMENT.read_text(encoding="utf-8").splitlines()
    assert [line for line in written if line.startswith("| `COMITY_")] == rows


def test_every_setting_has_unit_and_meaning() -> None:
    """No setting is without a unit and a sentence."""
    assert [f.variable for f in setting_facts() if not f.unit or not f.meaning.endswith(".")] == []


def test_detail_waits_less_in_practice_alone() -> None:
    """Whoever is not practice opens what a state delays when that state has said, not before."""
    assert load_settings(detail_seconds_max=2).detail_seconds_max == 2
    with pytest.raises(SettingsError, match="COMITY_DETAIL_SECONDS_MAX"):
        load_settings(is_practice=False, detail_seconds_max=2)
    kept = load_settings(is_practice=False).detail_seconds_max
    assert kept >= 60 * 31 * 86_400

"""What a console asks for beside the provider's word, by its settings."""

from __future__ import annotations

import pytest

from comity.app.console import open_passkeys, passkey_policy
from comity.console.errors import PasskeyAddressError
from comity.domain.passkeys import PasskeyPolicy
from comity.roles.settings import load_settings

NAMED, NUMBERED = "https://console.example", "https://192.0.2.1"
REQUIRED, OFFERED = PasskeyPolicy.REQUIRED, PasskeyPolicy.OFFERED


def test_absent_setting_is_the_safe_one() -> None:
    """Required, but for practice data; what is set holds for both."""
    for is_practice, unset in ((True, OFFERED), (False, REQUIRED)):
        assert passkey_policy(load_settings(is_practice=is_practice), NAMED) is unset
        for policy in PasskeyPolicy:
            settings = load_settings(is_practice=is_practice, console_passkeys=policy)
            assert passkey_policy(settings, NAMED) is policy


def test_required_needs_a_name() -> None:
    """At an IP address nobody could sign in; where they are offered the page says so instead."""
    with pytest.raises(PasskeyAddressError, match="COMITY_CONSOLE_URL"):
        passkey_policy(load_settings(is_practice=False), NUMBERED)
    settings = load_settings(is_practice=False, console_passkeys=OFFERED)
    assert passkey_policy(settings, NUMBERED) is OFFERED


def test_passkeys_stand_beside_the_people(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Beside the people file, or where a setting says."""
    place = tmp_path_factory.mktemp("console")
    for given, file in (
        ({"data_dir": place}, "passkeys.json"),
        ({"console_people_file": place / "etc" / "people.toml"}, "etc/passkeys.json"),
        ({"console_passkeys_file": place / "own.json"}, "own.json"),
    ):
        (place / file).parent.mkdir(exist_ok=True)
        open_passkeys(load_settings(**given)).change(lambda book: book)
        assert (place / file).is_file()

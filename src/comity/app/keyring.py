"""The keyring of an installation, over the safe that its settings choose."""

from __future__ import annotations

from comity.adapters.keyring import FileKeyring
from comity.adapters.pkcs11 import Pkcs11Device, Pkcs11Safe
from comity.ports import Entropy, Keyring, KeySafe
from comity.roles.settings import KeySafeKind, Settings, SettingsError

__all__ = ["open_keyring"]


def open_keyring(settings: Settings, entropy: Entropy) -> Keyring:
    """Return the month keys of this installation.

    Raises: SettingsError if a setting of the safe is missing; KeySafeError.
    """
    folder = settings.data_dir / "keyring"
    return FileKeyring(folder, entropy, _safe(settings, entropy))


def _safe(settings: Settings, entropy: Entropy) -> KeySafe | None:
    if settings.key_safe is KeySafeKind.FILES:
        return None
    module, token = settings.pkcs11_module, settings.pkcs11_token
    pin_file = settings.pkcs11_pin_file
    if module is None or token is None or pin_file is None:
        raise SettingsError(
            "`COMITY_KEY_SAFE` is pkcs11: set `COMITY_PKCS11_MODULE`, `COMITY_PKCS11_TOKEN` and "
            "`COMITY_PKCS11_PIN_FILE` too"
        )
    device = Pkcs11Device(module=module, token=token, pin_file=pin_file)
    return Pkcs11Safe(device, entropy)

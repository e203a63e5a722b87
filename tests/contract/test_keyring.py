"""The contracts of `Keyring` and `KeySafe`: files, a PKCS#11 device and the twins in memory.

The device is there only where SoftHSM is; the suite "hardware keys" says where it is not.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from comity.adapters.errors import KeyFileError, KeySafeError
from comity.adapters.keyring import FileKeyring, PlainSafe
from comity.adapters.memory.clock import SeededEntropy
from comity.adapters.memory.secrets import MemoryKeyring, MemorySafe
from comity.adapters.pkcs11 import Pkcs11Device, Pkcs11Safe
from comity.adapters.system import SystemEntropy
from comity.domain.ids import Member
from comity.ports import KEY_GENERATION, AlteredError, Keyring, KeySafe, LostKeyError, Sealed
from tests.support import softhsm

WA, OR = Member("wa"), Member("or")
NONCE = b"n" * 12
KEY = bytes(range(32))
DEVICES = ("pkcs11",) if softhsm.library() else ()
BEHIND = {"memory": ("plain", "memory"), "files": ("plain", "memory", *DEVICES)}
KINDS = [f"{kind} {safe}" for kind, safes in BEHIND.items() for safe in safes]
SAFES = ("memory", *DEVICES)


def pkcs11(device: Pkcs11Device) -> Pkcs11Safe:
    return Pkcs11Safe(device, SystemEntropy())


@pytest.fixture
def safes() -> Iterator[dict[str, KeySafe]]:
    """The safes, empty; a device's token is emptied for each test."""
    entropy = SeededEntropy(b"safes")
    made: dict[str, KeySafe] = {"plain": PlainSafe(), "memory": MemorySafe(entropy)}
    device = pkcs11(softhsm.device()) if DEVICES else None
    if device is not None:
        made["pkcs11"] = device
        for member in (WA, OR):
            for month in device.months(member):
                device.destroy(member, month)
    yield made
    if device is not None:
        device._close()


@pytest.fixture(params=SAFES)
def safe(request: pytest.FixtureRequest, safes: dict[str, KeySafe]) -> KeySafe:
    """A safe that keeps something beside the files."""
    return safes[request.param]


@pytest.fixture(params=KINDS)
def keyring(request: pytest.FixtureRequest, tmp_path: Path, safes: dict[str, KeySafe]) -> Keyring:
    """A keyring of each kind over each safe, empty."""
    kind, _, behind = request.param.partition(" ")
    entropy = SeededEntropy(b"keys")
    if kind == "memory":
        return MemoryKeyring(entropy, safes[behind])
    return FileKeyring(tmp_path / "keyring", entropy, safes[behind])


def sealed_by(keyring: Keyring, data: bytes, member: Member = WA, month: int = 682) -> Sealed:
    """Return data sealed for a place, under the key that seals in a month now."""
    number = keyring.number(member, month)
    body = keyring.seal(member, number, NONCE, data, b"place")
    return Sealed(key_number=number, nonce=NONCE, body=body)


def test_what_is_sealed_opens_in_its_place(keyring: Keyring) -> None:
    """Sealed bytes do not show the data and open where they were bound to."""
    sealed = sealed_by(keyring, b"data")
    assert b"data" not in sealed.body
    assert keyring.open(WA, sealed, b"place") == b"data"


def test_moved_or_altered_bytes_do_not_open(keyring: Keyring) -> None:
    """Another place, another nonce, or one bit of the bytes: none of it opens."""
    sealed = sealed_by(keyring, b"data")
    flipped = bytes([sealed.body[0] ^ 1]) + sealed.body[1:]
    changes: list[dict[str, object]] = [
        {"body": flipped},
        {"body": b""},
        {"nonce": b"m" * 12},
        {"nonce": b""},
    ]
    for change in changes:
        with pytest.raises(AlteredError):
            keyring.open(WA, msgspec.structs.replace(sealed, **change), b"place")
    with pytest.raises(AlteredError):
        keyring.open(WA, sealed, b"other place")


def test_members_and_months_have_keys_of_their_own(keyring: Keyring) -> None:
    """The same data sealed for another member or month is other bytes."""
    bodies = {
        sealed_by(keyring, b"data", member, month).body
        for member, month in ((WA, 682), (WA, 683), (OR, 682))
    }
    assert len(bodies) == 3
    assert keyring.keys(WA) == [682, 683]
    assert keyring.keys(OR) == [682]


def test_key_that_does_not_exist_is_lost(keyring: Keyring) -> None:
    """Opening makes no key: a month without one is lost."""
    with pytest.raises(LostKeyError):
        keyring.open(WA, Sealed(key_number=1, nonce=NONCE, body=b"x" * 16), b"place")
    assert keyring.keys(WA) == []
    assert keyring.is_lost(WA, 1)


def test_a_rotated_month_seals_under_its_new_key_and_opens_the_old(keyring: Keyring) -> None:
    """What stands is opened by the key it was sealed with; doing it twice is doing it once."""
    old = sealed_by(keyring, b"old")
    for _ in range(2):
        keyring.rotate(WA, 682, 1)
    new = sealed_by(keyring, b"new")
    assert (old.key_number, new.key_number) == (682, KEY_GENERATION + 682)
    assert keyring.open(WA, old, b"place") == b"old"
    assert keyring.open(WA, new, b"place") == b"new"
    assert keyring.keys(WA) == [682, KEY_GENERATION + 682]
    assert sealed_by(keyring, b"next month", month=683).key_number == 683
    swapped = msgspec.structs.replace(new, key_number=682)
    with pytest.raises(AlteredError):
        keyring.open(WA, swapped, b"place")


def test_a_generation_is_never_left_for_an_older_one(keyring: Keyring) -> None:
    """A rotation that comes late, after a further one, changes nothing."""
    keyring.rotate(WA, 682, 2)
    keyring.rotate(WA, 682, 1)
    assert keyring.number(WA, 682) == 2 * KEY_GENERATION + 682


def test_destroyed_key_opens_nothing(keyring: Keyring) -> None:
    """What a destroyed month sealed is gone for good; other months and members keep theirs."""
    sealed = [sealed_by(keyring, b"data")]
    keyring.rotate(WA, 682, 1)
    sealed.append(sealed_by(keyring, b"data"))
    others = [(OR, sealed_by(keyring, b"data", OR)), (WA, sealed_by(keyring, b"data", month=683))]
    assert not keyring.is_lost(WA, 682)
    assert keyring.destroy(WA, 682)
    assert not keyring.destroy(WA, 682)
    assert keyring.is_lost(WA, 682)
    for gone in sealed:
        with pytest.raises(LostKeyError):
            keyring.open(WA, gone, b"place")
    for member, kept in others:
        assert keyring.open(member, kept, b"place") == b"data"
    assert keyring.keys(WA) == [683]
    newer = sealed_by(keyring, b"new data")
    assert keyring.open(WA, newer, b"place") == b"new data"
    for gone in sealed:
        with pytest.raises(LostKeyError):
            keyring.open(WA, gone, b"place")


def test_a_safe_gives_a_key_back_in_its_place_alone(safe: KeySafe) -> None:
    """What lies on the disk shows nothing of the key, and is bound to its member and number."""
    wrapped = safe.wrap(WA, 682, KEY, b"wa/682")
    assert KEY not in wrapped
    assert KEY[:16] not in wrapped
    assert safe.unwrap(WA, 682, wrapped, b"wa/682") == KEY
    assert safe.wrap(WA, 682, KEY, b"wa/682") != wrapped
    for bound_to in (b"wa/683", b""):
        with pytest.raises(KeyFileError):
            safe.unwrap(WA, 682, wrapped, bound_to)
    safe.wrap(WA, 683, KEY, b"wa/683")
    with pytest.raises(KeyFileError):
        safe.unwrap(WA, 683, wrapped, b"wa/682")


def test_a_safe_refuses_what_it_has_not_made(safe: KeySafe) -> None:
    """A plain key, a shorter one, one bit changed: never a key."""
    wrapped = safe.wrap(WA, 682, KEY, b"wa/682")
    flipped = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for data in (KEY, b"", wrapped[:-1], wrapped + b"\0", flipped):
        with pytest.raises(KeyFileError):
            safe.unwrap(WA, 682, data, b"wa/682")


def test_what_a_safe_destroyed_no_copy_of_a_file_brings_back(safe: KeySafe) -> None:
    """The file may lie on any backup: nothing opens it, also not after a new key was made."""
    wrapped = safe.wrap(WA, 682, KEY, b"wa/682")
    safe.wrap(OR, 682, KEY, b"or/682")
    assert (safe.months(WA), safe.months(OR)) == ([682], [682])
    assert safe.destroy(WA, 682)
    assert not safe.destroy(WA, 682)
    assert (safe.months(WA), safe.months(OR)) == ([], [682])
    with pytest.raises(LostKeyError):
        safe.unwrap(WA, 682, wrapped, b"wa/682")
    safe.wrap(WA, 682, KEY, b"wa/682")
    with pytest.raises(KeyFileError):
        safe.unwrap(WA, 682, wrapped, b"wa/682")


def test_a_device_that_is_away_loses_no_key(tmp_path: Path) -> None:
    """It is an error that passes: nothing is sealed, no key counts as lost, no file is made."""
    safe = MemorySafe(SeededEntropy(b"safe"))
    sealed = sealed_by(FileKeyring(tmp_path / "keyring", SeededEntropy(b"keys"), safe), b"data")
    keyring = FileKeyring(tmp_path / "keyring", SeededEntropy(b"keys"), safe)
    safe.is_away = True
    for work in (
        lambda: keyring.open(WA, sealed, b"place"),
        lambda: keyring.is_lost(WA, 682),
        lambda: keyring.destroy(WA, 682),
        lambda: sealed_by(keyring, b"data", month=683),
    ):
        with pytest.raises(KeySafeError):
            work()
    assert keyring.keys(WA) == [682]
    safe.is_away = False
    assert keyring.open(WA, sealed, b"place") == b"data"


def test_a_month_whose_device_key_is_gone_is_lost(tmp_path: Path) -> None:
    """Its file opens nothing; a rotation goes on with a new key."""
    safe = MemorySafe(SeededEntropy(b"safe"))
    sealed = sealed_by(FileKeyring(tmp_path / "keyring", SeededEntropy(b"keys"), safe), b"data")
    safe.destroy(WA, 682)
    keyring = FileKeyring(tmp_path / "keyring", SeededEntropy(b"keys"), safe)
    assert keyring.is_lost(WA, 682)
    with pytest.raises(LostKeyError):
        sealed_by(keyring, b"data")
    keyring.rotate(WA, 682, 1)
    assert keyring.open(WA, sealed_by(keyring, b"new"), b"place") == b"new"
    with pytest.raises((LostKeyError, KeyFileError)):
        keyring.open(WA, sealed, b"place")


def test_keys_survive_a_restart(tmp_path: Path) -> None:
    """Another keyring on the same folder opens what the first one sealed."""
    first = FileKeyring(tmp_path / "keyring", SeededEntropy(b"first"))
    sealed = sealed_by(first, b"data")
    second = FileKeyring(tmp_path / "keyring", SeededEntropy(b"second"))
    assert second.open(WA, sealed, b"place") == b"data"
    assert first.open(WA, sealed_by(second, b"more"), b"place") == b"more"
    second.rotate(WA, 682, 3)
    third = FileKeyring(tmp_path / "keyring", SeededEntropy(b"third"))
    assert third.number(WA, 682) == 3 * KEY_GENERATION + 682


def test_a_key_that_vanished_is_lost_and_never_made_again_under_its_number(tmp_path: Path) -> None:
    """What it sealed says that its key is lost, not that it was altered; the month goes on."""
    keyring = FileKeyring(tmp_path, SystemEntropy())
    number = keyring.number(WA, 682)
    body = keyring.seal(WA, number, NONCE, b"old", b"place")
    (tmp_path / WA / "0682.key").unlink()
    again = FileKeyring(tmp_path, SystemEntropy())
    assert again.number(WA, 682) == number + KEY_GENERATION
    with pytest.raises(LostKeyError):
        again.open(WA, Sealed(key_number=number, nonce=NONCE, body=body), b"place")
    newer = again.seal(WA, again.number(WA, 682), NONCE, b"new", b"place")
    third = FileKeyring(tmp_path, SystemEntropy())
    assert third.number(WA, 682) == number + KEY_GENERATION
    opened = third.open(
        WA, Sealed(key_number=number + KEY_GENERATION, nonce=NONCE, body=newer), b"place"
    )
    assert opened == b"new"


def test_key_files_are_the_owners_alone(tmp_path: Path) -> None:
    """Folders and files of the keyring can be read by nobody else, and nothing else is left."""
    keyring = FileKeyring(tmp_path / "keyring", SeededEntropy(b"keys"))
    sealed_by(keyring, b"data")
    keyring.rotate(WA, 682, 1)
    found = {
        str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode)
        for path in tmp_path.rglob("*")
    }
    assert found == {
        "keyring": 0o700,
        "keyring/wa": 0o700,
        "keyring/wa/0682.key": 0o600,
        "keyring/wa/0682.1.key": 0o600,
        "keyring/wa/0682.made": 0o600,
        "keyring/wa/0682.1.made": 0o600,
    }


def test_destroyed_key_leaves_no_copy(tmp_path: Path) -> None:
    """What a crash left of a key while it was made goes with the key."""
    keyring = FileKeyring(tmp_path / "keyring", SeededEntropy(b"keys"))
    sealed_by(keyring, b"data")
    keyring.rotate(WA, 682, 1)
    sealed_by(keyring, b"data", month=683)
    folder = tmp_path / "keyring" / "wa"
    (folder / ".0682.key.0123456789abcdef").hardlink_to(folder / "0682.key")
    (folder / ".0682.1.key.0123456789abcdef").hardlink_to(folder / "0682.1.key")
    assert keyring.destroy(WA, 682)
    left = sorted(path.name for path in folder.iterdir() if path.suffix != ".made")
    assert left == ["0683.key"]


@pytest.mark.parametrize("data", [b"", b"k" * 31, b"k" * 33])
def test_file_that_is_no_key_is_refused(tmp_path: Path, data: bytes) -> None:
    """A key file of another length is neither used nor replaced, and no lost key."""
    keyring = FileKeyring(tmp_path / "keyring", SeededEntropy(b"keys"))
    path = tmp_path / "keyring" / "wa" / "0682.key"
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(KeyFileError):
        sealed_by(keyring, b"data")
    with pytest.raises(KeyFileError):
        keyring.is_lost(WA, 682)
    assert path.read_bytes() == data


class Removed:
    """A session whose device is gone."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def get_objects(self, _: object) -> None:
        raise self._error

    def close(self) -> None:
        raise self._error


if DEVICES:

    def test_pkcs11_keys_never_leave_the_device(safes: dict[str, KeySafe]) -> None:
        """The device itself says so: sensitive from the start, not to be had in any form."""
        safe = safes["pkcs11"]
        assert isinstance(safe, Pkcs11Safe)
        safe.wrap(WA, 682, KEY, b"wa/682")
        attribute, session = safe._api.Attribute, safe._session
        (kept,) = session.get_objects(safe._template(WA, 682))
        assert kept[attribute.SENSITIVE]
        assert kept[attribute.ALWAYS_SENSITIVE]
        assert kept[attribute.NEVER_EXTRACTABLE]
        assert not kept[attribute.EXTRACTABLE]
        assert kept[attribute.VALUE_LEN] == 32
        with pytest.raises(safe._api.exceptions.AttributeSensitive):
            kept[attribute.VALUE]

    def test_pkcs11_keys_stand_until_the_next_session() -> None:
        """Another process finds them by member and month."""
        first = pkcs11(softhsm.device())
        wrapped = first.wrap(WA, 682, KEY, b"wa/682")
        first._close()
        later = pkcs11(softhsm.device())
        assert later.unwrap(WA, 682, wrapped, b"wa/682") == KEY
        assert later.destroy(WA, 682)
        later._close()

    @pytest.mark.parametrize(
        "change",
        [{"token": "no such token"}, {"module": Path("/no/such.so")}, {"pin_file": Path("/no")}],
    )
    def test_pkcs11_that_cannot_be_had_is_an_error(change: dict[str, object]) -> None:
        """No token, no library, no PIN: said by name, and no key is lost by it."""
        safe = pkcs11(msgspec.structs.replace(softhsm.device(), **change))
        with pytest.raises(KeySafeError):
            safe.months(WA)

    def test_pkcs11_is_tried_again_after_a_failure(tmp_path: Path) -> None:
        """A session that broke is opened anew; a wrong PIN is not tried twice by itself."""
        pin = tmp_path / "pin"
        pin.write_text("wrong")
        safe = pkcs11(msgspec.structs.replace(softhsm.device(), pin_file=pin))
        with pytest.raises(KeySafeError, match="failed: "):
            safe.months(WA)
        pin.write_text(softhsm.PIN)
        assert safe.months(WA) == []
        safe._session, whole = Removed(safe._api.exceptions.DeviceRemoved), safe._session
        with pytest.raises(KeySafeError, match="DeviceRemoved"):
            safe.months(WA)
        assert safe.months(WA) == []
        whole.close()
        safe._close()

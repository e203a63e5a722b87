"""Practice certificates: who may connect to whom, shown by handshakes without a network."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from comity.front.line import LINE_PREFIX
from comity.roles.certificates import (
    SERVER_NAME,
    TlsFiles,
    client_context,
    issue_authority,
    issue_client,
    issue_server,
    keep_certificates,
    line_name,
    server_context,
)

NOW = datetime.now(UTC)
LINE = "tx-bexley-pd"


def shake(server: ssl.SSLContext, client: ssl.SSLContext, host: str = SERVER_NAME) -> ssl.SSLObject:
    """Play a handshake through buffers; return the server's side of the connection."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=host)
    steps: list[Callable[[], None]] = [theirs.do_handshake, ours.do_handshake]
    for turn in range(8):
        try:
            steps[turn % 2]()
        except ssl.SSLWantReadError:
            continue
    # The server speaks of the client's certificate only after the client thinks it is done.
    ours.do_handshake()
    return ours


@pytest.fixture
def files(tmp_path: Path) -> dict[str, TlsFiles]:
    """A server and one line of the practice network."""
    return keep_certificates(tmp_path, NOW, lines=[LINE])


def test_line_is_known_by_its_certificate(files: dict[str, TlsFiles]) -> None:
    """A line connects with TLS 1.3, and the server learns which line it is."""
    ours = shake(server_context(files["server"]), client_context(files[LINE]))
    peer = ours.getpeercert()
    assert ours.version() == "TLSv1.3"
    assert peer is not None
    assert (("commonName", line_name(LINE)),) in peer["subject"]
    assert (("organizationName", "Comity practice network"),) in peer["subject"]


@pytest.mark.parametrize("host", [SERVER_NAME, "127.0.0.1"])
def test_server_is_reached_by_name_and_address(files: dict[str, TlsFiles], host: str) -> None:
    """The server's certificate holds for the machine's own name and address."""
    assert shake(server_context(files["server"]), client_context(files[LINE]), host).version()


def test_other_host_is_refused(files: dict[str, TlsFiles]) -> None:
    """A line does not speak with a server under a name that its certificate does not hold."""
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(server_context(files["server"]), client_context(files[LINE]), "elsewhere.invalid")


def test_line_without_certificate_is_refused(files: dict[str, TlsFiles]) -> None:
    """Nobody connects without a certificate."""
    context = ssl.create_default_context(cafile=files[LINE].authority)
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shake(server_context(files["server"]), context)


def test_older_tls_is_refused(files: dict[str, TlsFiles]) -> None:
    """TLS 1.2 is not spoken."""
    context = client_context(files[LINE])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol"):
        shake(server_context(files["server"]), context)


def test_stranger_is_refused(files: dict[str, TlsFiles], tmp_path: Path) -> None:
    """A certificate of another authority proves nothing, though it names the same line."""
    (tmp_path / "other").mkdir()
    strange = keep_certificates(tmp_path / "other", NOW, lines=[LINE])[LINE]
    context = client_context(TlsFiles(authority=files[LINE].authority, identity=strange.identity))
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        shake(server_context(files["server"]), context)


def test_line_cannot_play_the_server(files: dict[str, TlsFiles]) -> None:
    """A line's certificate is no server's, and a server's is no line's."""
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        shake(server_context(files[LINE]), client_context(files[LINE]))
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        shake(server_context(files["server"]), client_context(files["server"]))


def test_authority_signs_no_further_authority() -> None:
    """The authority may sign certificates and no authority; the others may sign nothing."""
    authority = issue_authority(NOW)
    others = (issue_server(authority, NOW, ["localhost"]), issue_client(authority, NOW, LINE))
    limits = authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (limits.value.ca, limits.value.path_length, limits.critical) == (True, 0, True)
    for issued in others:
        limits = issued.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert not limits.value.ca


def test_certificate_says_practice_and_lasts_a_year() -> None:
    """Every certificate names the practice network and ends after 365 days."""
    certificate = issue_authority(NOW).certificate
    (organisation,) = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert "practice" in str(organisation.value)
    assert certificate.not_valid_after_utc == (NOW + timedelta(days=365)).replace(microsecond=0)


def test_kept_certificates_are_used_again(files: dict[str, TlsFiles], tmp_path: Path) -> None:
    """A second start uses the files of the first; they are closed to others."""
    before = {path: path.read_bytes() for path in tmp_path.glob("*.pem")}
    assert keep_certificates(tmp_path, NOW, lines=[LINE]) == files
    assert {path: path.read_bytes() for path in tmp_path.glob("*.pem")} == before
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {"0o600"}


def test_certificates_near_their_end_are_renewed(files: dict[str, TlsFiles]) -> None:
    """With less than 30 days left all are made anew, and fit each other."""
    before = files[LINE].identity.read_bytes()
    later = NOW + timedelta(days=336)
    renewed = keep_certificates(files[LINE].identity.parent, later, lines=[LINE])
    assert renewed[LINE].identity.read_bytes() != before
    certificate = x509.load_pem_x509_certificate(renewed[LINE].identity.read_bytes())
    authority = x509.load_pem_x509_certificate(renewed[LINE].authority.read_bytes())
    certificate.verify_directly_issued_by(authority)


@pytest.mark.parametrize("damage", [b"", b"-----BEGIN CERTIFICATE-----\n"])
def test_damaged_file_is_made_anew(files: dict[str, TlsFiles], damage: bytes) -> None:
    """A file that cannot be read is replaced, and the line can connect."""
    files[LINE].identity.write_bytes(damage)
    again = keep_certificates(files[LINE].identity.parent, NOW, lines=[LINE])
    assert shake(server_context(again["server"]), client_context(again[LINE])).version()


def test_line_of_an_earlier_authority_is_made_anew(files: dict[str, TlsFiles]) -> None:
    """A line that an earlier authority signed gets a new certificate, asked for or not then."""
    folder = files[LINE].identity.parent
    (folder / "authority.pem").unlink()
    keep_certificates(folder, NOW, lines=[])
    again = keep_certificates(folder, NOW, lines=[LINE])
    assert shake(server_context(again["server"]), client_context(again[LINE])).version()


def test_prefix_is_the_one_the_line_front_reads() -> None:
    """The name in a certificate begins as the front expects."""
    assert line_name(LINE) == f"{LINE_PREFIX}{LINE}"

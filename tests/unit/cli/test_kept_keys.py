"""Which key kept on a host signs where a command names nobody."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.cli.publishing import people_of
from comity.cli.reviewing import reviewer_of
from comity.domain.ids import Member
from comity.practice.founding import REVIEWERS, RULE_SIGNERS
from comity.roles.host_files import HostFiles, ReviewerFile
from comity.roles.settings import load_settings

WA = Member("wa")


def test_who_only_signs_rules_signs_by_default_last(tmp_path: Path) -> None:
    """The reviewer signs, and the supervisor is the second; an author only where it is named."""
    files = HostFiles(tmp_path)
    for name in (*RULE_SIGNERS, *REVIEWERS):
        files.write_reviewer(WA, ReviewerFile(name=name, key=Ed25519PrivateKey.generate()))
    settings = load_settings(data_dir=tmp_path)
    assert reviewer_of(settings, WA, None).name == "reviewer"
    everyone = people_of(settings, WA, (), (), 4)
    assert [person.name for person in everyone] == [*REVIEWERS, *RULE_SIGNERS]
    (named,) = people_of(settings, WA, ("counsel",), (), 1)
    assert named.name == "counsel"

"""What changes from one part to the next, in counts and sentences."""

from __future__ import annotations

import msgspec
import pytest

from comity.directory.diff import PartDiff, diff_parts
from comity.directory.part import part_body
from comity.domain.agency import CertifiedUntil, DirectoryPart, ReviewerKey
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from tests.support.directory import (
    AUSTIN,
    DAYTON,
    FIELD_OFFICE,
    LUBBOCK,
    NOW,
    acting,
    agency,
    host,
    ohio,
    texas,
)

NEW = ORI("TX9990100")


def diff(**changes: object) -> PartDiff:
    """What changes from Texas's first part to its second."""
    return diff_parts(texas(), texas(version=2, **changes))


def test_a_new_version_alone_changes_nothing() -> None:
    """No sentence, all counts zero."""
    found = diff()
    assert (found.version_old, found.version_new) == (1, 2)
    assert found.is_empty
    assert found.sentences() == ()


def test_agencies_added_removed_and_changed() -> None:
    """Each agency by its identifier, each field by its name with what it was and is."""
    lubbock = agency(LUBBOCK, "TX/LOCAL/PD", lines=(), place="Lubbock")
    found = diff(agencies=(lubbock, agency(NEW, "TX/LOCAL")))
    assert found.counts == {"added": 1, "removed": 1, "changed": 1, "others": 0}
    assert found.sentences() == (
        f"Agency {NEW} is added.",
        f"Agency {AUSTIN} is removed.",
        f"Agency {LUBBOCK}: family changes from TX/LOCAL to TX/LOCAL/PD.",
        f"Agency {LUBBOCK}: active changes from no to yes.",
        f"Agency {LUBBOCK}: lines changes from line-1 line-2 to none.",
        f"Agency {LUBBOCK}: place changes from none to Lubbock.",
    )


def test_for_whom_an_agency_acts_is_told() -> None:
    """As a table writes it; no bytes of a part without it change."""
    assert diff_parts(ohio(), acting(version=2)).sentences() == (
        f"Agency {DAYTON}: lines changes from line-3 to line-1.",
        f"Agency {DAYTON}: acts_for changes from none to US/DHS/ICE:cross_designated US/DOJ:relay.",
    )
    assert b"acts_for" not in part_body(ohio())


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({"host": host("gateway-two")}, ["The host changes from gateway-one to gateway-two."]),
        (
            {"host": host("gateway-one", 7)},
            ["The host's signing key changes.", "The host's sealing key changes."],
        ),
        (
            {"ledger_key": bytes(32)},
            ["The ledger's key changes: its checkpoints are of another ledger from then on."],
        ),
        (
            {"duty_contact": "nobody"},
            ["The duty contact changes from duty officer, 555-0199 to nobody."],
        ),
        (
            {"answers": (MessageKey("KQ"), MessageKey("DQ"))},
            ["Key KQ is answered.", "Key RQ is no longer answered."],
        ),
        ({"reviewers": ()}, ["Reviewer r.one (key 00c0ffee) is removed."]),
        (
            {"reviewers": (ReviewerKey(name="r.one", key_id="00c0ffee", verify_key=bytes(32)),)},
            [
                "Reviewer r.one (key 00c0ffee) is removed.",
                "Reviewer r.one (key 00c0ffee) is added.",
            ],
        ),
        (
            {
                "certifications": (
                    CertifiedUntil(agency=DAYTON, until=NOW + 86_400),
                    CertifiedUntil(agency=NEW, until=NOW),
                )
            },
            [
                f"Certification of {NEW} is added.",
                f"Certification of {FIELD_OFFICE} is removed.",
                f"Certification of {DAYTON} stands until 2026-11-19.",
            ],
        ),
        ({"practice": False}, ["The part is no longer practice data."]),
        (
            {"agencies": tuple(reversed(texas().agencies))},
            ["Agencies stand in another order."],
        ),
        (
            {"certifications": tuple(reversed(texas().certifications))},
            ["Certifications stand in another order."],
        ),
        (
            {"answers": tuple(reversed(texas().answers))},
            ["Keys answered stand in another order."],
        ),
    ],
)
def test_what_changes_beside_agencies(changes: dict[str, object], sentences: list[str]) -> None:
    """Host, keys, contact, keys answered, reviewers, certifications, order."""
    found = diff(**changes)
    assert list(found.sentences()) == sentences
    assert found.counts["others"] == len(sentences)


def test_a_part_of_another_member_is_told() -> None:
    """Before anything else."""
    assert diff_parts(texas(), ohio()).others[0] == "The part is of member oh, not tx."


def test_a_date_beyond_the_calendar_is_told() -> None:
    """The largest time that a part may hold is no crash."""
    row = CertifiedUntil(agency=DAYTON, until=2**40)
    assert diff(certifications=(row, texas().certifications[1])).others == (
        f"Certification of {DAYTON} stands until {2**40} seconds after 1970.",
    )


def test_every_field_of_a_part_is_compared() -> None:
    """A field that parts get later cannot change unseen."""
    old = texas()
    for field in DirectoryPart.__struct_fields__:
        value = getattr(old, field)
        if field in {"version", "agencies"}:
            continue
        other = {
            "member": "oh",
            "host": host("other"),
            "ledger_key": bytes(32),
            "duty_contact": "other",
            "practice": False,
        }.get(field, value[:-1] if isinstance(value, tuple) else None)
        assert other is not None, field
        new = msgspec.structs.replace(old, **{field: other})
        assert not diff_parts(old, new).is_empty, field

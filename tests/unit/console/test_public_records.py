"""A public-records export by page: who may, what is recorded first, what is refused unread."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from comity.adapters.memory.bus import MemoryBus
from comity.audit.evidence import check_tlog_proof
from comity.audit.notes import TrustedKey
from comity.console.pages import public_records as pages
from comity.console.people import Role
from comity.domain.ids import member_zone
from comity.domain.leaf import SEALED, parse_leaf
from comity.domain.query import Claims
from comity.domain.vocabulary import LeafKind, Purpose
from comity.ledger.commitment import parse_opening, verify_opening
from comity.link.command import OpenRecord, decode_command
from comity.policy import Publication, encode_bundle
from comity.services import public_records as reading
from comity.services.public_records_files import AUTHORITIES
from tests.support.console import Answered, PracticeConsole, console_on, person_of
from tests.support.gateway import (
    HOLD_ALL,
    NOW,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.unit.policy.build import bundle
from tests.unit.services.test_detail import small

PAGE = "/state/public-records"
TODAY = dt.datetime.fromtimestamp(NOW, ZoneInfo(member_zone(WA))).date().isoformat()
HELD = policy_of(WA, RELEASE, HOLD_ALL), policy_of(OR, RELEASE, HOLD_ALL)
FORM: dict[str, Any] = {
    "reference": "PRR 26-19",
    "first": TODAY,
    "last": TODAY,
    "kind": ["hold", "policy"],
    "entries": "",
    **{f"authority_{ground}": said for ground, said in AUTHORITIES.items()},
}


async def export(console: PracticeConsole, role: Role = Role.COUNSEL, **changes: Any) -> Answered:
    """Send the form as its page does."""
    return await console.post(PAGE, FORM | changes, console.sign_in(person_of(role)))


def files_of(answer: Answered) -> dict[str, bytes]:
    """The files of the ZIP that was answered."""
    assert answer.status == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def hold_of(host: PracticeHost) -> str:
    """The entry of Washington's hold."""
    (index,) = [i for i, leaf in enumerate(host.leaves(WA)) if leaf.kind is LeafKind.HOLD]
    return f"wa/{index}"


async def test_public_leaves_go_out_and_nothing_is_recorded() -> None:
    """The leaves of the kinds chosen, the log of what is not shown; the ledger does not grow."""
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        before = host.size(WA)
        page = await console.get(PAGE, console.sign_in(person_of(Role.COUNSEL)))
        assert page.heading == (
            f"Washington's public ledger has {before} leaves; which of them does the request ask"
            " for?"
        )
        answer = await export(console)
        files = files_of(answer)
        assert host.size(WA) == before
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["content-disposition"].endswith(
            f'"wa-public-records-{TODAY}-to-{TODAY}.zip"'
        )
        rows = list(csv.DictReader(io.StringIO(files["leaves.csv"].decode(), newline="")))
        assert sorted(row["kind"] for row in rows) == ["hold", "policy"]
        about = json.loads(files["about.json"])
        assert (about["reference"], about["leaves"], about["openings"]) == ("PRR 26-19", 2, [])
        for secret in (b"PX000204K7", b"Example Ave", b"Practice Reviewer"):
            assert not any(secret in data for data in files.values())


async def test_fields_are_opened_after_they_are_recorded() -> None:
    """One `access` leaf under counsel's name; the opening holds against the leaf in the ZIP."""
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        await host.checkpoints.sign_all()
        entry, before = hold_of(host), host.size(WA)
        files = files_of(await export(console, entries=entry.upper(), field=["rules", "elements"]))
        assert host.size(WA) == before + 1
        assert host.leaves(WA)[-1].kind is LeafKind.ACCESS
        name = entry.replace("/", "-")
        opening = parse_opening(files[f"openings/{name}.opening"])
        assert sorted(opening.values()) == ["elements", "rules"]
        header = parse_leaf(files[f"openings/{name}.leaf"])
        verify_opening(opening, header.commitment)
        _, key = host.ledger_keys.of(WA)
        trusted = TrustedKey(key.name, int(key.kind), key.public_key, key.key_id)
        proved, head = check_tlog_proof(
            files[f"openings/{name}.tlog-proof"], files[f"openings/{name}.leaf"], trusted
        )
        assert f"wa/{proved.index}" == entry
        about = json.loads(files["about.json"])
        assert about["ledger"] == {
            "origin": head.origin,
            "size": head.size,
            "root": head.root.hex(),
        }
        assert about["openings"] == [
            {"entry": entry, "fields": ["elements", "rules"], "recorded_as": f"wa/{before}"}
        ]
        log = csv.DictReader(io.StringIO(files["redactions.csv"].decode(), newline=""))
        left = {row["ground"]: row["not_shown"] for row in log if row["entry"] == entry}
        assert left["not_disclosed"] == "assurance"
        assert left["person"] == "operator search"


async def test_a_record_that_is_gone_is_said_to_be() -> None:
    """Its key is destroyed: the export is made, with the ground in the log."""
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        entry = hold_of(host)
        host.store.tables.private.pop((WA, int(entry.partition("/")[2])))
        files = files_of(await export(console, entries=entry, field=["rules"]))
        assert not any(name.startswith("openings/") for name in files)
        assert b"record_gone" in files["redactions.csv"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reference": ""}, "Name the request"),
        ({"reference": "Réf"}, "Name the request"),
        ({"reference": "x" * 121}, "Name the request"),
        ({"first": "2026-02-30"}, "Write a day"),
        ({"first": "2024-01-01"}, "over 366 days on"),
        ({"last": "2099-01-01"}, "not to come"),
        ({"last": "2020-01-01"}, "lies before the first"),
        ({"kind": []}, "at least one kind"),
        ({"kind": ["record"]}, "at least one kind"),
        ({"field": ["rules"]}, "or neither"),
        ({"entries": "wa/1"}, "or neither"),
        ({"entries": "wa/1", "field": ["search"]}, "No other field"),
        ({"entries": "wa/1", "field": ["rules", "operator"]}, "No other field"),
        ({"entries": "wa/1", "field": ["case"]}, "No other field"),
        ({"entries": "wa/987", "field": ["rules"]}, "is no leaf of this period"),
        ({"entries": "or/1", "field": ["rules"]}, "is no leaf of this period"),
        ({"entries": "<script>alert(1)</script>", "field": ["rules"]}, "is no leaf"),
        ({"entries": " ".join(f"wa/{n}" for n in range(21)), "field": ["rules"]}, "At most 20"),
        ({"authority_person": ""}, "by which authority"),
        ({"authority_staff": "line\nline"}, "by which authority"),
    ],
)
async def test_what_is_unsound_is_asked_for_again(changes: dict[str, Any], said: str) -> None:
    """The form with what to mend; nothing is signed, recorded or given out."""
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        before = host.size(WA)
        answer = await export(console, **changes)
        assert (answer.status, host.size(WA)) == (422, before)
        assert said in answer.text
        assert "<script>alert" not in answer.body


async def test_other_kinds_are_not_opened() -> None:
    """What stands behind a policy leaf names state employees: it is refused before a signature."""
    async with running(*HELD) as host, console_on(host) as console:
        (index,) = [i for i, leaf in enumerate(host.leaves(WA)) if leaf.kind is LeafKind.POLICY]
        before = host.size(WA)
        answer = await export(console, entries=f"wa/{index}", field=["rules"])
        assert (answer.status, host.size(WA)) == (422, before)
        assert "is a policy leaf" in answer.text


async def test_what_is_sealed_is_not_opened() -> None:
    """The state has published that it shows it later: refused unsigned, and said in the log."""
    delay = Publication(delayed_purposes=(Purpose.CRIMINAL_INVESTIGATION,), delay_months=1)
    rules = msgspec.structs.replace(bundle(RELEASE, state=WA), publication=delay)
    claims = Claims(purpose=Purpose.CRIMINAL_INVESTIGATION)
    policies = policy_of(OR, RELEASE), encode_bundle(rules)
    async with running(*policies) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1, claims=claims)))
        (index,) = [i for i, x in enumerate(host.leaves(WA)) if x.agency == SEALED]
        before = host.size(WA)
        form: dict[str, Any] = {
            "kind": ["disclosure"],
            "entries": f"wa/{index}",
            "field": ["rules"],
        }
        answer = await export(console, **form)
        assert (answer.status, host.size(WA)) == (422, before)
        assert "is sealed" in answer.text
        files = files_of(await export(console, kind=["disclosure"]))
        assert f"wa/{index},agency purpose offence,delayed," in files["redactions.csv"].decode()


async def test_a_small_agency_is_not_named_by_the_rules_that_met_it() -> None:
    """Its leaf is not opened, since a rule can name one agency; the log says why it is unnamed."""
    async with running(*HELD) as host, console_on(host) as console:
        small(host, ask_of(1).agency)
        await host.answer.take(asks(ask_of(1)))
        entry, before = hold_of(host), host.size(WA)
        answer = await export(console, entries=entry, field=["rules"])
        assert (answer.status, host.size(WA)) == (422, before)
        assert "too small to be named" in answer.text
        files = files_of(await export(console))
        assert f"{entry},agency,small_agency," in files["redactions.csv"].decode()
        assert ask_of(1).agency.encode() not in b"".join(files.values())


async def test_counsel_alone_exports() -> None:
    """Whoever else holds a place is refused unread."""
    async with running(*HELD) as host, console_on(host) as console:
        before = host.size(WA)
        for role in set(Role) - {Role.COUNSEL}:
            assert (await export(console, role)).status == 403, role
            page = await console.get(PAGE, console.sign_in(person_of(role)))
            assert page.status == 403, role
        assert host.size(WA) == before


async def test_another_states_leaves_are_not_in_it() -> None:
    """Oregon's counsel gets Oregon's ledger, whatever the form says."""
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        token = console.sign_in(person_of(Role.COUNSEL, OR))
        files = files_of(await console.post(PAGE, FORM | {"state": "wa"}, token))
        assert b"wa/" not in files["leaves.csv"]
        entry = hold_of(host)
        answer = await console.post(PAGE, FORM | {"entries": entry, "field": ["rules"]}, token)
        assert answer.status == 422


async def test_too_many_leaves_are_refused_before_a_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page says how many, and nothing is opened."""
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        entry, before = hold_of(host), host.size(WA)
        monkeypatch.setattr(reading, "LEAVES_MAX", 1)
        answer = await export(console, entries=entry, field=["rules"])
        assert (answer.status, host.size(WA)) == (422, before)
        assert "Choose fewer days or kinds" in answer.text


async def test_who_has_no_key_opens_nothing() -> None:
    """The public leaves go out; a field is not opened."""
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        console.without_key(Role.COUNSEL)
        before = host.size(WA)
        assert (await export(console)).status == 200
        answer = await export(console, entries=hold_of(host), field=["rules"])
        assert (answer.status, "no-key-to-sign" in answer.body) == (409, True)
        assert host.size(WA) == before


async def test_what_is_not_recorded_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that is silent: no export, and the page says that nothing went out."""
    asked = MemoryBus.request

    async def silent(self: MemoryBus, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        if isinstance(decode_command(data), OpenRecord):
            raise TimeoutError
        return await asked(self, subject, data, timeout_s=timeout_s)

    monkeypatch.setattr(MemoryBus, "request", silent)
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        answer = await export(console, entries=hold_of(host), field=["rules"])
        assert answer.status == 504
        assert "nothing went out" in answer.heading
        assert "opening-unanswered" in answer.body


async def test_as_many_as_may_be_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit each leaf is opened, each recorded by a leaf of its own."""
    monkeypatch.setattr(pages, "OPENINGS_MAX", 2)
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1), ask_of(2)))
        holds = [f"wa/{i}" for i, x in enumerate(host.leaves(WA)) if x.kind is LeafKind.HOLD]
        assert len(holds) == 2
        before = host.size(WA)
        files = files_of(await export(console, entries=", ".join(holds), field=["assurance"]))
        assert host.size(WA) == before + 2
        assert sum(name.endswith(".opening") for name in files) == 2

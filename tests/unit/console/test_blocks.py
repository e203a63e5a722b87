"""Blocking a family from a page: at once, by one person, twice as once, never by a forged form."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from comity.adapters.memory.bus import MemoryBus
from comity.console import rule_making
from comity.console.errors import NotASignerError
from comity.console.people import Role
from comity.domain.answer import ResponseKind
from comity.domain.certificate import parse_certificate
from comity.domain.decision import RuleId
from comity.domain.vocabulary import LeafKind, Outcome
from comity.link.command import Certify, decode_command
from comity.policy import encode_bundle
from comity.policy.block import confirmed, standing_block
from comity.services.sending import command_subject
from tests.support.console import CONFIRM_SECONDS, Answered, PracticeConsole, console_on, person_of
from tests.support.gateway import NOW, NS, OR, RELEASE, WA, PracticeHost, policy_of, running
from tests.support.link import WEST
from tests.unit.policy.build import bundle
from tests.unit.services.test_rulebook import REVIEWER, SECOND, in_force, outcome, signed

OPEN = bundle(RELEASE, state=WA)
FAMILY = "TX/LOCAL"
ORDER = "Order 14"
BLOCK_1 = "/state/blocks/BLOCK-1"
MARKUP = '</cite><script>alert(1)</script> #panic("no")'


async def block(
    console: PracticeConsole, role: Role = Role.AUTHOR, **changes: Any
) -> tuple[str, Answered]:
    """Send the form of a block as its page does; return the session's token, and the answer."""
    token = console.sign_in(person_of(role))
    fields = {"family": FAMILY, "authority": ORDER, "version": "1"} | changes
    return token, await console.post("/state/block", fields, token)


def policies(host: PracticeHost) -> int:
    """How many versions Washington's ledger has."""
    return len(host.leaves(WA, LeafKind.POLICY))


async def test_the_page_before_says_what_a_block_does() -> None:
    """Whom it reaches, by when another must confirm, who signs; and nothing is done by looking."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.AUTHOR))
        form = await console.get("/state/block", token)
        assert form.heading == (
            "No family of agencies is blocked in Washington; 5 agencies may ask for its records."
        )
        nobody = {"family": "US/DHS/ICE", "authority": ORDER}
        page = await console.get(f"/state/block?{urlencode(nobody)}", token)
        assert page.heading == (
            "Block ICE? No agency of it is listed now; any that joins gets nothing from Washington."
        )
        wanted = {"family": "OR/LOCAL", "authority": ORDER}
        page = await console.get(f"/state/block?{urlencode(wanted)}", token)
        assert page.heading == (
            "Block local agencies of Oregon? From the moment you press, 1 agency gets nothing from"
            " Washington."
        )
        assert "Another author or counsel confirms it by" in page.text
        assert "it becomes a hold: a person reviews every query." in page.text
        assert "Practice Author, as author" in page.text
        assert policies(host) == 1


async def test_a_block_is_in_force_with_the_answer_to_the_form() -> None:
    """One person, one form: the next query is refused, and its certificate names the leaf."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        assert await outcome(host) is ResponseKind.HIT
        token, done = await block(console)
        assert (done.status, done.location) == (303, BLOCK_1)
        assert await outcome(host, 2) is ResponseKind.REFUSED
        version, index = in_force(host)
        _, policy = host.world.policy(WA)
        (waits,) = policy.bundle.unconfirmed
        assert (version, waits.until) == (2, NOW + CONFIRM_SECONDS)
        page = await console.get(BLOCK_1, token)
        assert page.heading.startswith("Washington gives nothing to local agencies of Texas since ")
        assert "probes were refused" in page.heading
        assert f"WA/{index}" in page.text
        assert "waits until" in page.text


async def test_looking_at_a_block_writes_nothing() -> None:
    """Page and downloads are made of what is kept; only the button has the gateway probe again."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token, _ = await block(console)
        before = host.size(WA)
        for path in ("", "/certificate.txt", "/certificate.json", "/certificate.pdf"):
            assert (await console.get(BLOCK_1 + path, token)).status == 200
        assert host.size(WA) == before
        again = await console.post(f"{BLOCK_1}/certify", {}, token)
        assert (again.status, again.location) == (303, BLOCK_1)
        assert host.size(WA) > before


async def test_the_certificate_is_downloaded_as_it_was_signed() -> None:
    """Text, PDF and the file to check by: attachments of one certificate, kept by no cache."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token, _ = await block(console)
        files = {
            form: await console.get(f"{BLOCK_1}/certificate.{form}", token)
            for form in ("txt", "pdf", "json")
        }
        for form, file in files.items():
            assert file.headers["cache-control"] == "no-store"
            assert file.headers["content-disposition"] == (
                f'attachment; filename="wa-block-1.{form}"'
            )
            assert file.headers["x-content-type-options"] == "nosniff"
        assert files["pdf"].headers["content-type"] == "application/pdf"
        assert files["pdf"].data.startswith(b"%PDF-")
        made = parse_certificate(files["json"].data).certificate
        assert made.holds
        assert "local agencies of Texas" in files["txt"].body
        assert ORDER in files["txt"].body
        assert "PRACTICE DATA" in files["txt"].body
        assert made.block is not None
        assert made.block.probes[0].entry in files["txt"].body
        auditor = console.sign_in(person_of(Role.AUDITOR))
        assert (await console.get(f"{BLOCK_1}/certificate.pdf", auditor)).status == 200
        reviewer = console.sign_in(person_of(Role.REVIEWER))
        assert (await console.get(f"{BLOCK_1}/certificate.pdf", reviewer)).status == 403


async def test_a_form_sent_twice_is_one_block() -> None:
    """After the first, and beside it: one version, and both go to its page."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        answers = await asyncio.gather(
            block(console), block(console, Role.COUNSEL, authority="Order 15"), block(console)
        )
        assert [(a.status, a.location) for _, a in answers] == [(303, BLOCK_1)] * 3
        _, again = await block(console)
        assert (again.status, again.location) == (303, BLOCK_1)
        assert (policies(host), in_force(host)[0]) == (2, 2)


async def test_a_form_from_before_other_rules_signs_nothing() -> None:
    """What its writer saw is no longer in force: it must be looked at anew."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        more = bundle(RELEASE, state=WA, version=2, hold_hours=5)
        await host.rulebook.publish(WA, signed(more, REVIEWER, SECOND))
        before = policies(host)
        for version in ("1", "3", "", "x", "01"):
            _, answer = await block(console, version=version)
            assert answer.status == 409, version
            assert "changed while you looked" in answer.heading
        assert policies(host) == before
        _, answer = await block(console, version="2")
        assert answer.status == 303


@pytest.mark.parametrize(
    "changes",
    [
        {"family": "TX/NOBODY"},
        {"family": ""},
        {"family": "US/DHS/ICE'; --"},
        {"family": "tx/local"},
        {"family": "TXPX00001"},
        {"authority": ""},
        {"authority": "   "},
        {"authority": "Order\n14"},
        {"authority": "Order \x1b[2J"},
        {"authority": "Order \u202e41"},
        {"authority": "x" * 121},
    ],
)
async def test_a_forged_form_is_no_block(changes: dict[str, Any]) -> None:
    """No family that rules cannot name, no text that is not plain: the form again, and no leaf."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        before = host.size(WA)
        token, answer = await block(console, **changes)
        assert answer.status == 422
        wanted = {"family": FAMILY, "authority": ORDER} | changes
        looked = await console.get(f"/state/block?{urlencode(wanted)}", token)
        assert looked.status == 422
        assert host.size(WA) == before


async def test_an_authority_is_text_wherever_it_stands() -> None:
    """Markup and code of the page setter: escaped on pages, words in the text and in the PDF."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.AUTHOR))
        wanted = urlencode({"family": FAMILY, "authority": MARKUP})
        before = await console.get(f"/state/block?{wanted}", token)
        token, done = await block(console, authority=MARKUP)
        assert done.status == 303
        paths = (BLOCK_1, "/state/block", "/state/confirm", "/state/rules")
        for page in (before, *[await console.get(path, token) for path in paths]):
            assert page.status == 200
            assert "<script>alert" not in page.body
            assert "&lt;script&gt;alert" in page.body
        assert MARKUP in (await console.get(f"{BLOCK_1}/certificate.txt", token)).body
        pdf = await console.get(f"{BLOCK_1}/certificate.pdf", token)
        assert pdf.data.startswith(b"%PDF-")


async def test_nobody_blocks_but_who_makes_rules() -> None:
    """A reviewer's, a supervisor's, an auditor's or an operator's form is refused unread."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        before = host.size(WA)
        for role in set(Role) - {Role.AUTHOR, Role.COUNSEL}:
            _, answer = await block(console, role)
            assert answer.status == 403, role
        assert host.size(WA) == before


async def test_nobody_signs_rules_but_who_makes_them() -> None:
    """A reviewer's key signs no rules from here, whatever a page would ask of it."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        for role in Role:
            token = console.sign_in(person_of(role))
            found = console.sessions.find(token, console.people, console.now())
            assert found is not None
            signer = console.desk.rule_signer(found)
            if role in (Role.AUTHOR, Role.COUNSEL):
                assert signer.sign(b"rules").key_id
            else:
                with pytest.raises(NotASignerError):
                    signer.sign(b"rules")


async def test_another_states_block_is_not_there() -> None:
    """Oregon's author blocks in Oregon alone, and finds nothing of Washington's block."""
    async with (
        running(encode_bundle(OPEN), policy_of(OR, RELEASE)) as host,
        console_on(host) as console,
    ):
        await block(console)
        before = policies(host), len(host.leaves(OR, LeafKind.POLICY))
        token = console.sign_in(person_of(Role.AUTHOR, OR))
        for path in ("", "/certificate.txt"):
            page = await console.get(BLOCK_1 + path, token)
            assert (page.status, "Texas" in page.body) == (404, False)
        assert (await console.post(f"{BLOCK_1}/certify", {}, token)).status == 404
        fields = {"family": FAMILY, "authority": ORDER, "version": "1", "state": "wa"}
        done = await console.post("/state/block", fields, token)
        assert done.status == 303
        assert (policies(host), len(host.leaves(OR, LeafKind.POLICY))) == (before[0], before[1] + 1)


async def test_the_states_own_local_agencies_are_held_first() -> None:
    """The page says so before, and the clause is a hold until another person confirms it."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.AUTHOR))
        wanted = {"family": "WA/LOCAL", "authority": ORDER}
        page = await console.get(f"/state/block?{urlencode(wanted)}", token)
        assert page.heading.startswith("Hold every query of local agencies of Washington? ")
        assert "it stays a hold." in page.text
        await block(console, family="WA/LOCAL")
        _, policy = host.world.policy(WA)
        rule = standing_block(policy.bundle, "WA/LOCAL")
        assert rule is not None
        assert rule.effect is Outcome.HOLD


async def test_a_block_stands_also_where_it_cannot_be_certified() -> None:
    """No agency of the family is left to ask as: in force, said so, and a button asks again."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token, done = await block(console, family="US/DHS/ICE")
        assert (done.status, done.location) == (303, BLOCK_1)
        assert in_force(host)[0] == 2
        page = await console.get(BLOCK_1, token)
        assert page.heading == (
            "Washington gives nothing to ICE; no certificate of this version is here."
        )
        assert (await console.get(f"{BLOCK_1}/certificate.txt", token)).status == 404
        again = await console.post(f"{BLOCK_1}/certify", {}, token)
        assert (again.status, "could not certify" in again.text) == (409, True)


async def test_a_certificate_is_not_shown_under_other_rules() -> None:
    """Confirmed from elsewhere, the rules are others: what was kept is void, and is not given."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token, _ = await block(console)
        _, policy = host.world.policy(WA)
        await host.rulebook.publish(
            WA, signed(confirmed(policy.bundle, RuleId("BLOCK-1")), REVIEWER)
        )
        assert (await console.get(f"{BLOCK_1}/certificate.txt", token)).status == 404
        assert "no certificate of this version" in (await console.get(BLOCK_1, token)).heading


async def test_a_silent_gateway_is_called_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form without an answer may have been carried out: the page says that, and where to look."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:

        async def never(_: object, subject: str, data: bytes, *, timeout_s: float) -> bytes:
            assert (subject, timeout_s > 0) == (command_subject(WEST.name), True)
            raise TimeoutError

        monkeypatch.setattr(MemoryBus, "request", never)
        _, answer = await block(console)
        assert answer.status == 504
        assert "may have done this" in answer.heading
        assert "Nothing was sent" not in answer.text
        assert policies(host) == 1


async def test_a_slow_certificate_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """In force, and the page is shown without it; the gateway may still be probing."""
    asked = MemoryBus.request

    async def slow(self: MemoryBus, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        if isinstance(decode_command(data), Certify):
            await asyncio.Event().wait()
        return await asked(self, subject, data, timeout_s=timeout_s)

    monkeypatch.setattr(MemoryBus, "request", slow)
    monkeypatch.setattr(rule_making, "CERTIFY_SECONDS_MAX", 0.01)
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token, done = await block(console)
        assert (done.status, done.location, in_force(host)[0]) == (303, BLOCK_1, 2)
        assert "no certificate" in (await console.get(BLOCK_1, token)).heading


async def test_a_lapsed_block_is_ordered_again_in_its_place() -> None:
    """Nobody confirmed it: it is a hold, its page says so, and the same form makes it a denial."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token, _ = await block(console)
        host.clock.advance_ns((CONFIRM_SECONDS + 1) * NS)
        assert await host.rulebook.lapse() == 1
        token = console.sign_in(person_of(Role.AUTHOR))
        page = await console.get(BLOCK_1, token)
        assert "nobody confirmed it in time" in page.text
        _, again = await block(console, version="3")
        assert (again.status, again.location) == (303, BLOCK_1)
        _, policy = host.world.policy(WA)
        rule = standing_block(policy.bundle, FAMILY)
        assert rule is not None
        assert rule.effect is Outcome.DENY

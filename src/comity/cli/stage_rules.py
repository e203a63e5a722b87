"""What the demo's stage does with a state's rules: block, certify, confirm, prove, advise."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from comity.app.rules import z3_solver
from comity.cli.block import block_now
from comity.cli.certificates import write_certificate
from comity.cli.certifying import checked
from comity.cli.leaks import advise
from comity.cli.publishing import certified, people_of, published, signed_policy
from comity.cli.rules import askers_of, named_rules
from comity.domain.decision import RuleId
from comity.domain.errors import ComityError
from comity.domain.ids import Member, parse_entry_name
from comity.domain.vocabulary import Outcome
from comity.link.errors import GatewayRefusalError
from comity.policy import Condition, Guarantee, PolicyBundle, Quota, QuotaPer
from comity.policy.advice import label_of_door
from comity.policy.block import confirmed
from comity.policy.certified import certificate_sentence
from comity.policy.difference import compare
from comity.policy.door import DoorKind
from comity.policy.layer import layered_rules
from comity.policy.reach import closed, reach
from comity.policy.space import space_of
from comity.ports import DutyKind
from comity.practice.seen import (
    BlockSeen,
    CertificateSeen,
    CheckSeen,
    LeaksSeen,
    PageSeen,
    ProofSeen,
)
from comity.roles.settings import Settings, load_settings
from comity.services.proving import prove_twice

__all__ = ["PAGES_FILE", "RulesStage"]

PAGES_FILE: Final = "pages.jsonl"
"""The file of the data directory that pages of a practice network reach."""

_TICK_SECONDS: Final = 0.05
_OF_NIGHT: Final = DutyKind.PAGE_HOLD_AT_NIGHT.removeprefix("page_")


class PageMissingError(ComityError):
    """Nobody was paged in time."""

    code = "page-missing"


def _hurried(settings: Settings, seconds: int | None) -> Settings:
    """Return settings under which a block waits so long at most for another person."""
    if seconds is None:
        return settings
    return load_settings(**{**settings.model_dump(), "confirm_seconds_max": seconds})


async def _page_behind(settings: Settings, entry: str, seconds: float) -> PageSeen:
    file = settings.data_dir / PAGES_FILE
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        text = await asyncio.to_thread(_read, file)
        for line in text.splitlines():
            page = json.loads(line)
            # At night what is held meanwhile is paged, too, and is not what is waited for.
            is_of_night = page["event"] == _OF_NIGHT
            if _is_behind(page["entry"], entry) and not is_of_night:
                return PageSeen(event=page["event"], entry=page["entry"], text=page["text"])
        await asyncio.sleep(_TICK_SECONDS)
    raise PageMissingError(f"nobody was paged about a leaf behind {entry} within {seconds} s")


def _is_behind(entry: str, other: str) -> bool:
    (state, index), (member, first) = parse_entry_name(entry), parse_entry_name(other)
    return state == member and index > first


def _read(file: Path) -> str:
    """Return the whole lines of a file; none where it is not there yet."""
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return ""
    return text[: text.rfind("\n") + 1]


def _block_family(
    settings: Settings, state: Member, family: str, authority: str, person: str
) -> BlockSeen:
    """Block a family as one person, and drill it."""
    people = people_of(settings, state, [person], (), 1)
    made = block_now(settings, state, family, authority, people)
    return BlockSeen(
        entry=made.signed.certificate.entry,
        rule=made.block.rule,
        seconds=made.seconds,
        probes=len(made.block.probes),
        holds=made.block.holds,
    )


def _certify_block(settings: Settings, state: Member, family: str) -> CertificateSeen:
    """Have a block certified, and write it as a person would: on paper, its file beside it."""
    signed = certified(settings, state, family)
    with tempfile.TemporaryDirectory(prefix="comity-certificate-") as room:
        paper, file = write_certificate(Path(room) / "block.pdf", signed)
        return CertificateSeen(data=file.read_bytes(), paper_bytes=paper.stat().st_size)


def _check_block(settings: Settings, data: bytes) -> CheckSeen:
    """Check a certificate as `comity policy check-certificate` does."""
    try:
        signed, changed = checked(settings, data)
    except ComityError as error:
        return CheckSeen(code=error.code)
    return CheckSeen(sentence=certificate_sentence(signed.certificate), changed=changed)


def _confirm_rule(settings: Settings, state: Member, rule: str, person: str) -> tuple[str, str]:
    """Confirm a clause as one person; return its entry, or the code that refuses it."""
    bundle = confirmed(named_rules(settings, f"@{state}").bundle, RuleId(rule))
    return _sent(settings, state, bundle, [person])


def _set_quota(
    settings: Settings, state: Member, quota: Quota, persons: Sequence[str]
) -> tuple[str, str]:
    """Put a quota beside the rules in force; return their entry, or the code that refuses them."""
    standing = named_rules(settings, f"@{state}").bundle
    changed = msgspec.structs.replace(standing, version=standing.version + 1, quotas=(quota,))
    # As the record has it: rules of the first version have no quotas.
    return _sent(settings, state, msgspec.structs.replace(changed, schema_version=2), persons)


def _sent(
    settings: Settings, state: Member, bundle: PolicyBundle, persons: Sequence[str]
) -> tuple[str, str]:
    people = people_of(settings, state, persons, (), 1)
    try:
        return published(settings, state, signed_policy(bundle, people)).entry, ""
    except GatewayRefusalError as error:
        return "", error.reason


def _prove_unreleased(settings: Settings, state: Member, family: str) -> ProofSeen:
    """Prove that a family gets nothing without review, under the rules in force."""
    askers, _ = askers_of(settings)
    promise = Guarantee(
        id="G-FAMILY",
        sentence=f"Nothing is released to {family} before a person has reviewed it.",
        when=Condition(agency=(family,)),
    )
    rules = named_rules(settings, f"@{state}").rules
    (proof,) = prove_twice(rules, (promise,), askers, z3_solver(rules, askers))
    assert proof.is_settled, proof.why
    return ProofSeen(
        holds=proof.holds,
        examined=proof.examined or 0,
        broken=proof.broken or 0,
        agency=proof.witness.get("agency", ""),
        rules=proof.rules,
    )


def _find_leaks(settings: Settings, state: Member, family: str) -> LeaksSeen:
    """Ask for the advice on leaks, close the widest sister agency's door in a draft, ask again."""
    named = named_rules(settings, f"@{state}")
    advice = advise(settings, named, family)
    found = next(e for e in advice.found if e.door.kind is DoorKind.SISTER_AGENCY)
    askers, _ = askers_of(settings)
    space = space_of(askers)
    after = layered_rules(closed(named.bundle, found.door), named.national)
    change = compare(named.rules, after, space)
    doors = reach(named.rules, found.advice.target, space).doors
    left = {(door.kind, door.who, door.request_kinds) for door in doors}
    left -= {(found.door.kind, found.door.who, found.door.request_kinds)}
    again = reach(after, found.advice.target, space).doors
    return LeaksSeen(
        finding=advice.finding,
        doors=len(advice.found),
        sister=label_of_door(found.door, advice.names),
        request_kinds=found.door.request_kinds,
        answered=found.answered or 0,
        closed=sum(m.request_kinds for m in change.moves if m.before is Outcome.RELEASE),
        is_exact=not change.loosens
        and {(door.kind, door.who, door.request_kinds) for door in again} == left,
    )


class RulesStage:
    """The part of a stage that changes rules, as people would by the command line."""

    _settings: Settings

    async def block(
        self, state: Member, family: str, authority: str, person: str, *, seconds: int | None = None
    ) -> BlockSeen:
        """Block a family as one person, and drill it; to be confirmed in so many seconds."""
        settings = _hurried(self._settings, seconds)
        return await asyncio.to_thread(_block_family, settings, state, family, authority, person)

    async def paged(self, entry: str, *, seconds: float) -> PageSeen:
        """Wait for a page about a leaf of the same state behind this one.

        Raises: PageMissingError.
        """
        return await _page_behind(self._settings, entry, seconds)

    async def certify(self, state: Member, family: str) -> CertificateSeen:
        """Have a family's block probed and certified, and written as a file and on paper."""
        return await asyncio.to_thread(_certify_block, self._settings, state, family)

    async def check_certificate(self, data: bytes) -> CheckSeen:
        """Check a certificate's bytes: who signed them, and whether it still counts."""
        return await asyncio.to_thread(_check_block, self._settings, data)

    async def confirm(self, state: Member, rule: str, person: str) -> tuple[str, str]:
        """Confirm a clause as one person; return its entry, or the code that refuses it."""
        return await asyncio.to_thread(_confirm_rule, self._settings, state, rule, person)

    async def set_quota(
        self, state: Member, family: str, waiting: int, persons: Sequence[str]
    ) -> tuple[str, str]:
        """Let so many requests of a family wait together; return the entry of the rules, or the
        code that refuses them.
        """
        quota = Quota(per=QuotaPer.TOGETHER, agency=(family,), waiting=waiting)
        return await asyncio.to_thread(_set_quota, self._settings, state, quota, persons)

    async def prove(self, state: Member, family: str) -> ProofSeen:
        """Prove that a family gets nothing without review under the rules in force."""
        return await asyncio.to_thread(_prove_unreleased, self._settings, state, family)

    async def leaks(self, state: Member, family: str) -> LeaksSeen:
        """Ask who still gets what a state refuses a family, and try the rule that closes it."""
        return await asyncio.to_thread(_find_leaks, self._settings, state, family)

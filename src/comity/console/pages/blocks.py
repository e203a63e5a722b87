"""A block: the page before it, the act, the block as it stands, and its certificate.

Guarantee: no block without a page that said in a sentence what it does and whom it reaches; what
was ordered twice stands once; a look writes nothing.
Source: docs/adr/0040-rules-in-the-browser.md.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from comity.console.desk import Desk
from comity.console.pages.block_words import (
    BlockState,
    block_words,
    consequence,
    reached_by,
    steps_of,
)
from comity.console.pages.confirming import put_in_by
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, roles_of, url_of
from comity.console.rule_making import certify_block, put_into_force
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import counted, moment_said, opened
from comity.domain.certificate import SignedCertificate, encode_certificate
from comity.domain.decision import RuleId
from comity.domain.ids import Member, member_label
from comity.policy import PolicyBundle
from comity.policy.block import (
    UNCONFIRMED_SECONDS_MAX,
    blocked,
    is_held_first,
    standing_block,
)
from comity.policy.check import CITE_CHARACTERS_MAX, is_citation
from comity.policy.errors import BlockError
from comity.policy.families import KNOWN_FAMILIES, label_of_agency
from comity.policy.rule import Rule
from comity.services.certificate_words import certificate_text, paper_of
from comity.services.rules_in_force import RulesInForce, askers_in

__all__ = ["BlockPages"]

_AGENCIES_NAMED: Final = 5
"""So many agencies that a block reaches are named."""


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the form holds: whom to block, and by what order."""

    family: str = ""
    authority: str = ""


class BlockPages:
    """Blocking a family, and what there is to show of a block."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def choose(self, visit: Visit) -> Reply:
        """Ask for the family and the order; once both are there, say what the block would do."""
        wanted = _Wanted(family=visit.query.one("family"), authority=visit.query.one("authority"))
        found = await self._desk.books.rules(visit.person.state)
        if not visit.query.values:
            return await self._form(visit, found, wanted)
        wrong = _wrong(wanted, found.bundle)
        if wrong:
            return await self._form(visit, found, wanted, wrong, status=422)
        return await self._consider(visit, found, wanted)

    async def order(self, visit: Visit) -> Reply:
        """Put a block into force, have it certified, and go to its page."""
        state = visit.person.state
        wanted = _Wanted(family=visit.form.one("family"), authority=visit.form.one("authority"))
        found = await self._desk.books.rules(state)
        standing = _in_force(found.bundle, wanted.family)
        if standing is not None:
            return _to_page(standing.id)  # Sent twice: the first one stands.
        wrong = _wrong(wanted, found.bundle)
        if wrong:
            return await self._form(visit, found, wanted, wrong, status=422)
        if visit.form.one("version") != str(found.bundle.version):
            raise ProblemError(Problem.RULES_MOVED)
        bundle = blocked(
            found.bundle, wanted.family, wanted.authority.strip(), self._until(visit.now)
        )
        try:
            await put_into_force(self._desk, visit, bundle)
        except ProblemError as error:
            # Two submits at once: whichever was second finds the first one's block.
            now = (await self._desk.books.rules(state)).bundle
            standing = _in_force(now, wanted.family)
            if error.problem is not Problem.RULES_MOVED or standing is None:
                raise
            return _to_page(standing.id)
        await certify_block(self._desk, state, wanted.family)
        made = standing_block(bundle, wanted.family)
        assert made is not None
        return _to_page(made.id)

    async def blocked(self, visit: Visit) -> Reply:
        """Show a block as it stands, with its certificate if one is kept."""
        found, rule = await self._block(visit)
        kept = self._kept(visit, found, rule)
        waiting = {each.rule: each.until for each in found.bundle.unconfirmed}
        by = (await put_in_by(self._desk, visit.person.state, found)).get(rule.id, ())
        shown = BlockState(rule=rule, state=visit.person.state, until=waiting.get(rule.id), by=by)
        can_confirm = rule.id in waiting and visit.person.signs_as not in by
        can_make = visit.person.has_any(*roles_of(Name.CERTIFY_BLOCK))
        return self._views.page(
            "blocked.html",
            visit,
            policy_version=f"{found.bundle.version} ({found.entry.upper()})",
            **block_words(shown, kept, visit.now),
            clause=rule.id,
            recorded=found.entry.upper(),
            papers=[
                (label, key, url_of(Name.CERTIFICATE, clause=rule.id, form=form))
                for label, key, form in (
                    ("PDF", "p", "pdf"), ("Text", "t", "txt"), ("Signed file (JSON)", "s", "json"),
                )
            ] if kept is not None else [],
            certify=url_of(Name.CERTIFY_BLOCK, clause=rule.id) if can_make else None,
            confirm=url_of(Name.WAITING) if can_make and can_confirm else None,
            rules=url_of(Name.RULES),
        )  # fmt: skip

    async def certify(self, visit: Visit) -> Reply:
        """Have the gateway probe and certify a block anew."""
        _, rule = await self._block(visit)
        state, family = visit.person.state, rule.when.agency[0]
        if await certify_block(self._desk, state, family) is None:
            raise ProblemError(Problem.REFUSED, "the gateway could not certify this block now")
        return _to_page(rule.id)

    async def certificate(self, visit: Visit) -> Reply:
        """Give the certificate that is kept, as a file."""
        found, rule = await self._block(visit)
        kept = self._kept(visit, found, rule)
        if kept is None:
            raise ProblemError(Problem.NO_SUCH_PAGE, "no certificate of this version is kept here")
        form = visit.values["form"]
        name = f"{visit.person.state}-{rule.id}".lower()
        media, body = await self._file(kept, form, f"{name}.json")
        return Reply(media=media, body=body, attachment=f"{name}.{form}")

    async def _file(self, kept: SignedCertificate, form: str, beside: str) -> tuple[str, bytes]:
        match form:
            case "pdf":
                paper = paper_of(kept, beside)
                return "application/pdf", await asyncio.to_thread(self._desk.press, paper)
            case "json":
                return "application/json", encode_certificate(kept)
            case _:
                return "text/plain; charset=utf-8", certificate_text(kept)

    def _kept(self, visit: Visit, found: RulesInForce, rule: Rule) -> SignedCertificate | None:
        return self._desk.certificates.get(visit.person.state, rule.id, found.entry)

    async def _block(self, visit: Visit) -> tuple[RulesInForce, Rule]:
        """Return the rules in force and the block of the path. Raises: ProblemError."""
        found = await self._desk.books.rules(visit.person.state)
        name = RuleId(visit.values["clause"])
        rule = next((r for r in found.bundle.rules if r.id == name and r.when.agency), None)
        if rule is None or standing_block(found.bundle, rule.when.agency[0]) != rule:
            raise ProblemError(Problem.NO_SUCH_BLOCK)
        return found, rule

    async def _form(
        self,
        visit: Visit,
        found: RulesInForce,
        wanted: _Wanted,
        wrong: tuple[tuple[str, str], ...] = (),
        *,
        status: int = 200,
    ) -> Reply:
        state = visit.person.state
        askers = askers_in(await self._desk.books.directory())
        standing = [r for r in found.bundle.rules if _is_block(found.bundle, r)]
        count = len(standing)
        what = counted(count, "family of agencies is", "families of agencies are")
        what = what if count else "no family of agencies is"
        return self._views.page(
            "block.html",
            visit,
            status=status,
            policy_version=f"{found.bundle.version} ({found.entry.upper()})",
            finding=(
                f"{opened(what)} blocked in {member_label(state)}; {len(askers):,} agencies may ask"
                " for its records."
            ),
            families=[("", "Choose a family"), *_families(state)],
            wanted=wanted,
            authority_max=CITE_CHARACTERS_MAX,
            wrong=wrong,
            faults=dict(wrong),
            can_sign=bool(visit.person.signs_as),
            standing=[_standing(rule, found.bundle) for rule in standing],
            rules=url_of(Name.RULES),
        )

    async def _consider(self, visit: Visit, found: RulesInForce, wanted: _Wanted) -> Reply:
        state, family = visit.person.state, wanted.family
        reached = reached_by(family, askers_in(await self._desk.books.directory()))
        until = moment_said(self._until(visit.now), state, visit.now)
        is_hold = is_held_first(state, family)
        named = [asker.name or asker.ori for asker in reached[:_AGENCIES_NAMED]]
        more = len(reached) - len(named)
        return self._views.page(
            "block_consider.html",
            visit,
            policy_version=f"{found.bundle.version} ({found.entry.upper()})",
            finding=consequence(state, family, len(reached), is_hold=is_hold),
            steps=steps_of(until, is_hold=is_hold),
            facts_shown=[
                ("Family", f"{opened(label_of_agency(family))} ({family}), and all below it"),
                ("By order of", wanted.authority.strip()),
                ("Reaches", ", ".join(named) + (f" and {more:,} more" if more else "")
                 if named else "no agency that is listed now; it holds for any that joins"),
                ("Signed by", f"{visit.person.name}, as {visit.person.signs_as or 'nobody'}"),
            ],
            label="Hold now" if is_hold else "Block now",
            wanted=wanted,
            version=found.bundle.version,
            back=url_of(Name.BLOCK),
            access=url_of(Name.ACCESS),
        )  # fmt: skip

    def _until(self, now: int) -> int:
        return now + min(UNCONFIRMED_SECONDS_MAX, self._desk.confirm_seconds)


def _to_page(rule: RuleId) -> Reply:
    return go_to(url_of(Name.BLOCKED, clause=rule))


def _is_block(bundle: PolicyBundle, rule: Rule) -> bool:
    return bool(rule.when.agency) and standing_block(bundle, rule.when.agency[0]) == rule


def _in_force(bundle: PolicyBundle, family: str) -> Rule | None:
    """Return the block of a family that cannot be ordered again; one that lapsed can."""
    try:
        blocked(bundle, family, "-", 0)
    except BlockError:
        return standing_block(bundle, family)
    return None


def _wrong(wanted: _Wanted, bundle: PolicyBundle) -> tuple[tuple[str, str], ...]:
    """Return what has to be mended before a block is ordered: the field, and a sentence."""
    found: list[tuple[str, str]] = []
    if wanted.family not in KNOWN_FAMILIES:
        found.append(("family", "Choose one of the families: rules can name no other."))
    elif (standing := _in_force(bundle, wanted.family)) is not None:
        found.append(("family", f"This family is blocked already, by {standing.id}."))
    if not is_citation(wanted.authority):
        at_most = f"1 to {CITE_CHARACTERS_MAX} letters, digits and plain marks"
        found.append(("authority", f"Name the order or law: {at_most}, no accents."))
    return tuple(found)


def _families(state: Member) -> list[tuple[str, str]]:
    """Return the families by code and words: federal ones, the state's own, those of others."""
    own = state.upper()

    def order(code: str) -> tuple[int, str]:
        first = code.partition("/")[0]
        return ({"US": 0, own: 1}.get(first, 2), code)

    return [
        (code, f"{opened(KNOWN_FAMILIES[code])} ({code})")
        for code in sorted(KNOWN_FAMILIES, key=order)
    ]


def _standing(rule: Rule, bundle: PolicyBundle) -> dict[str, Any]:
    waits = rule.id in {each.rule for each in bundle.unconfirmed}
    return {
        "id": rule.id,
        "url": url_of(Name.BLOCKED, clause=rule.id),
        "family": opened(label_of_agency(rule.when.agency[0])),
        "authority": rule.statute.cite,
        "effect": rule.effect.value,
        "waits": waits,
    }

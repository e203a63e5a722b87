"""Every route of the console: its name, method and path, and who may use it.

Guarantee: what is not listed here is not served; a route without roles is public and says so. The
state is never in a path: it is the place that the signed-in person chose.
Source: docs/adr/0036-console.md, section "The route table is data".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from comity.console.people import Role

__all__ = [
    "ASKS_ONWARD",
    "KEEPS_RECORDS",
    "NUMBER_DIGITS_MAX",
    "ROUTES",
    "Found",
    "Name",
    "Route",
    "Who",
    "find_route",
    "methods_of",
    "roles_of",
    "url_of",
]

NUMBER_DIGITS_MAX: Final = 18
"""Digits of an entry's number: below 2^63."""
KEEPS_RECORDS: Final = frozenset({Role.COUNSEL, Role.SUPERVISOR})
"""Who signs orders on records, and protections of addresses, from a page."""


ASKS_ONWARD: Final = frozenset({Role.REVIEWER, Role.SUPERVISOR, Role.COUNSEL})
"""Who asks an agency to whom it passed on what it got, and reads its words."""


class Who(StrEnum):
    """Whom a route is for, beside roles."""

    EVERYONE = "everyone"
    SIGNED_IN = "signed in"
    PLACED = "in a state, with one of the roles"


class Name(StrEnum):
    """The routes by name."""

    HOME = "home"
    HEALTH = "health"
    ASSET = "asset"
    SIGN_IN = "sign_in"
    BEGIN_SIGN_IN = "begin_sign_in"
    FINISH_SIGN_IN = "finish_sign_in"
    PASSKEY = "passkey"
    USE_PASSKEY = "use_passkey"
    MAKE_PASSKEY = "make_passkey"
    TAKE_INVITATION = "take_invitation"
    SKIP_PASSKEY = "skip_passkey"
    OWN_PASSKEYS = "own_passkeys"
    REMOVE_PASSKEY = "remove_passkey"
    STATE_PASSKEYS = "state_passkeys"
    INVITE = "invite"
    SIGN_OUT = "sign_out"
    PLACES = "places"
    CHOOSE_PLACE = "choose_place"
    QUEUE = "queue"
    CASE = "case"
    CONSIDER = "consider"
    SHOW_RECORD = "show_record"
    GIVE_VERDICT = "give_verdict"
    TAKE_BACK = "take_back"
    SEND_NOW = "send_now"
    TAKE = "take"
    PUT_BACK = "put_back"
    ASSIGNING = "assigning"
    ASSIGN = "assign"
    CONFLICT = "conflict"
    DECLARE_CONFLICT = "declare_conflict"
    CALL_BACK = "call_back"
    RECORD_CALL = "record_call"
    SAME_CASE = "same_case"
    CONSIDER_SAME_CASE = "consider_same_case"
    DECIDE_SAME_CASE = "decide_same_case"
    TAKE_BACK_SAME_CASE = "take_back_same_case"
    SEND_SAME_CASE = "send_same_case"
    NOTICES = "notices"
    NOTICE = "notice"
    NOTICE_LETTER = "notice_letter"
    NOTICE_GIVEN = "notice_given"
    DECISIONS = "decisions"
    PLANT = "plant"
    RE_REVIEWS = "re_reviews"
    RE_REVIEW = "re_review"
    OPEN_RE_REVIEW = "open_re_review"
    GIVE_RE_REVIEW = "give_re_review"
    CERTIFICATIONS = "certifications"
    CLAIMS = "claims"
    CLAIM = "claim"
    FIND_CLAIM = "find_claim"
    ONWARD = "onward"
    ASK_ONWARD = "ask_onward"
    ONWARD_TOLD = "onward_told"
    APPEALS = "appeals"
    APPEAL = "appeal"
    DECIDE_APPEAL = "decide_appeal"
    FEED = "feed"
    FEED_STREAM = "feed_stream"
    URGENT = "urgent"
    RELEASE = "release"
    LOOK = "look"
    PASSES = "passes"
    PASS = "pass"  # noqa: S105 - a case pass, not a password
    END_PASS = "end_pass"  # noqa: S105 - the same
    INSTRUMENTS = "instruments"
    NEW_INSTRUMENT = "new_instrument"
    REGISTER = "register"
    INSTRUMENT = "instrument"
    VERIFY = "verify"
    REVOKE = "revoke"
    RULES = "rules"
    ACCESS = "access"
    BLOCK = "block"
    ORDER_BLOCK = "order_block"
    BLOCKED = "blocked"
    CERTIFY_BLOCK = "certify_block"
    CERTIFICATE = "certificate"
    WAITING = "waiting"
    CONFIRM = "confirm"
    HISTORY = "history"
    AS_OF = "as_of"
    AS_OF_PAPER = "as_of_paper"
    PUBLIC_RECORDS = "public_records"
    EXPORT_RECORDS = "export_records"
    LITIGATION = "litigation"
    PLACE_LITIGATION = "place_litigation"
    LITIGATION_HOLD = "litigation_hold"
    LIFT_LITIGATION = "lift_litigation"
    KEEP_LITIGATION = "keep_litigation"
    PROTECTIONS = "protections"
    NEW_PROTECTION = "new_protection"
    PLACE_PROTECTION = "place_protection"
    FIND_PROTECTION = "find_protection"
    PROTECTION = "protection"
    END_PROTECTION = "end_protection"
    DEMANDS = "demands"
    NEW_DEMAND = "new_demand"
    REGISTER_DEMAND = "register_demand"
    DEMAND = "demand"
    ACT_ON_DEMAND = "act_on_demand"
    HAND_OVER = "hand_over"
    KEEP_BACK = "keep_back"
    ASK = "ask"
    PREVIEW = "preview"
    QUESTION = "question"
    SEND = "send"
    REQUESTS = "requests"
    REQUEST = "request"
    REPLY = "reply"
    TELL_ONWARD = "tell_onward"
    MAKE_APPEAL = "make_appeal"
    DRAFTS = "drafts"
    OPEN_DRAFT = "open_draft"
    DRAFT = "draft"
    DROP_DRAFT = "drop_draft"
    TAKE_OVER = "take_over"
    AROUND = "around"
    PUT_AROUND = "put_around"
    CLAUSE = "clause"
    CHECK_CLAUSE = "check_clause"
    PUT_CLAUSE = "put_clause"
    DROP_CLAUSE = "drop_clause"
    EXAMINE = "examine"
    GUARANTEES = "guarantees"
    REPLAYED = "replayed"
    LEAKS = "leaks"
    CLOSE_DOOR = "close_door"
    SIGNING = "signing"
    SIGN_DRAFT = "sign_draft"
    APPROVE_DRAFT = "approve_draft"
    ANNOUNCE_DRAFT = "announce_draft"
    CONTROLS = "controls"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One route. `roles` are those of which a person must hold one; none unless `who` is placed."""

    name: Name
    method: str
    path: str
    who: Who
    roles: frozenset[Role] = frozenset()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A route, and what its path holds."""

    route: Route
    values: Mapping[str, str]


_REVIEWS: Final = frozenset({Role.REVIEWER})
_ASSIGNS: Final = frozenset({Role.SUPERVISOR})
_INVITES: Final = frozenset({Role.SUPERVISOR, Role.OPERATOR})
_APPEALS: Final = _REVIEWS | _ASSIGNS
_SEES_QUEUE: Final = frozenset({Role.REVIEWER, Role.SUPERVISOR, Role.COUNSEL, Role.AUDITOR})
_SEES_RULES: Final = frozenset(Role)
_MAKES_RULES: Final = frozenset({Role.AUTHOR, Role.COUNSEL})
_SEES_BLOCKS: Final = _MAKES_RULES | {Role.SUPERVISOR, Role.AUDITOR}
_COUNSEL: Final = frozenset({Role.COUNSEL})
_SEES_LITIGATION: Final = KEEPS_RECORDS | {Role.AUDITOR}
_ASKS: Final = frozenset({Role.REQUESTER})
_SECOND_STEP: Final = "/sign-in/passkey"
_BLOCKED: Final = "/state/blocks/{clause}"
_DRAFT: Final = "/state/rules/drafts/{draft}"
_DRAFTED: Final = f"{_DRAFT}/clauses/{{rule}}"
_CASE: Final = "/state/cases/{number}"
_QUEUED: Final = "/state/queue/{number}"
_CONFLICT: Final = f"{_CASE}/conflict-of-interest"
_CALL: Final = f"{_CASE}/call-back"
_SAME_CASE: Final = f"{_CASE}/same-case"
_NOTICE: Final = "/state/notices/{number}"
_RE_REVIEW: Final = "/state/re-reviews/{number}"
_RELEASE: Final = "/state/urgent/{number}"
_CLAIM: Final = "/state/claims/{number}"
_ONWARD: Final = "/state/onward"
_APPEAL: Final = "/state/appeals/{number}"
_PASS: Final = "/state/passes/{number}"  # noqa: S105 - a path, not a password
_INSTRUMENT: Final = "/state/instruments/{number}"
_LITIGATION: Final = "/state/litigation"
_PROTECTIONS: Final = "/state/protections"
_PROTECTION: Final = f"{_PROTECTIONS}/{{protection}}"
_DEMANDS: Final = "/state/demands"
_DEMAND: Final = f"{_DEMANDS}/{{number}}"
_QUESTION: Final = "/console/ask/{question}"
_REQUEST: Final = "/console/requests/{request}"
_VERDICT: Final = "/state/verdicts/{number}/{step}"


def _public(name: Name, method: str, path: str) -> Route:
    return Route(name=name, method=method, path=path, who=Who.EVERYONE)


def _signed_in(name: Name, method: str, path: str) -> Route:
    return Route(name=name, method=method, path=path, who=Who.SIGNED_IN)


def _placed(name: Name, method: str, path: str, roles: frozenset[Role]) -> Route:
    return Route(name=name, method=method, path=path, who=Who.PLACED, roles=roles)


ROUTES: Final = (
    _public(Name.HOME, "GET", "/"),
    _public(Name.HEALTH, "GET", "/healthz"),
    _public(Name.ASSET, "GET", "/static/{file}"),
    _public(Name.SIGN_IN, "GET", "/sign-in"),
    _public(Name.BEGIN_SIGN_IN, "GET", "/sign-in/begin"),
    _public(Name.FINISH_SIGN_IN, "GET", "/sign-in/done"),
    _public(Name.PASSKEY, "GET", _SECOND_STEP),
    _public(Name.USE_PASSKEY, "POST", _SECOND_STEP),
    _public(Name.MAKE_PASSKEY, "POST", f"{_SECOND_STEP}/new"),
    _public(Name.TAKE_INVITATION, "POST", f"{_SECOND_STEP}/invitation"),
    _public(Name.SKIP_PASSKEY, "POST", f"{_SECOND_STEP}/without"),
    _signed_in(Name.OWN_PASSKEYS, "GET", "/passkeys"),
    _signed_in(Name.REMOVE_PASSKEY, "POST", "/passkeys/remove"),
    _placed(Name.STATE_PASSKEYS, "GET", "/state/passkeys", _INVITES),
    _placed(Name.INVITE, "POST", "/state/passkeys", _INVITES),
    _signed_in(Name.SIGN_OUT, "POST", "/sign-out"),
    _signed_in(Name.PLACES, "GET", "/places"),
    _signed_in(Name.CHOOSE_PLACE, "POST", "/places"),
    _placed(Name.QUEUE, "GET", "/state/queue", _SEES_QUEUE),
    _placed(Name.CASE, "GET", _CASE, _REVIEWS),
    _placed(Name.CONSIDER, "GET", f"{_CASE}/{{act}}", _REVIEWS),
    _placed(Name.GIVE_VERDICT, "POST", f"{_CASE}/{{act}}", _REVIEWS),
    _placed(Name.SHOW_RECORD, "POST", f"{_CASE}/what-goes-out", _REVIEWS),
    _placed(Name.TAKE_BACK, "POST", f"{_VERDICT}/take-back", _REVIEWS),
    _placed(Name.SEND_NOW, "POST", f"{_VERDICT}/send", _REVIEWS),
    _placed(Name.TAKE, "POST", f"{_QUEUED}/take", _REVIEWS),
    _placed(Name.PUT_BACK, "POST", f"{_QUEUED}/put-back", _REVIEWS),
    _placed(Name.ASSIGNING, "GET", f"{_QUEUED}/assign", _ASSIGNS),
    _placed(Name.ASSIGN, "POST", f"{_QUEUED}/assign", _ASSIGNS),
    _placed(Name.CONFLICT, "GET", _CONFLICT, _REVIEWS),
    _placed(Name.DECLARE_CONFLICT, "POST", _CONFLICT, _REVIEWS),
    _placed(Name.CALL_BACK, "GET", _CALL, _REVIEWS),
    _placed(Name.RECORD_CALL, "POST", _CALL, _REVIEWS),
    _placed(Name.SAME_CASE, "GET", _SAME_CASE, _REVIEWS),
    _placed(Name.CONSIDER_SAME_CASE, "GET", f"{_SAME_CASE}/{{act}}", _REVIEWS),
    _placed(Name.DECIDE_SAME_CASE, "POST", f"{_SAME_CASE}/{{act}}", _REVIEWS),
    _placed(Name.TAKE_BACK_SAME_CASE, "POST", f"{_VERDICT}/same-case/take-back", _REVIEWS),
    _placed(Name.SEND_SAME_CASE, "POST", f"{_VERDICT}/same-case/send", _REVIEWS),
    _placed(Name.NOTICES, "GET", "/state/notices", _REVIEWS),
    _placed(Name.NOTICE, "GET", _NOTICE, _REVIEWS),
    _placed(Name.NOTICE_LETTER, "POST", f"{_NOTICE}/letter", _REVIEWS),
    _placed(Name.NOTICE_GIVEN, "POST", f"{_NOTICE}/given", _REVIEWS),
    _placed(Name.DECISIONS, "GET", "/state/decisions", _SEES_QUEUE),
    _placed(Name.PLANT, "POST", "/state/decisions/plant", _ASSIGNS),
    _placed(Name.RE_REVIEWS, "GET", "/state/re-reviews", _REVIEWS),
    _placed(Name.RE_REVIEW, "GET", _RE_REVIEW, _REVIEWS),
    _placed(Name.OPEN_RE_REVIEW, "POST", f"{_RE_REVIEW}/open", _REVIEWS),
    _placed(Name.GIVE_RE_REVIEW, "POST", _RE_REVIEW, _REVIEWS),
    _placed(Name.APPEALS, "GET", "/state/appeals", _APPEALS),
    _placed(Name.APPEAL, "GET", _APPEAL, _APPEALS),
    _placed(Name.DECIDE_APPEAL, "POST", _APPEAL, _APPEALS),
    _placed(Name.CLAIMS, "GET", "/state/claims", _REVIEWS),
    _placed(Name.CLAIM, "GET", _CLAIM, _REVIEWS),
    _placed(Name.FIND_CLAIM, "POST", _CLAIM, _REVIEWS),
    _placed(Name.ONWARD, "GET", _ONWARD, _SEES_QUEUE),
    _placed(Name.ASK_ONWARD, "POST", _ONWARD, ASKS_ONWARD),
    _placed(Name.ONWARD_TOLD, "GET", f"{_ONWARD}/{{number}}", ASKS_ONWARD),
    _placed(Name.FEED, "GET", "/state/feed", _SEES_QUEUE),
    _placed(Name.FEED_STREAM, "GET", "/state/feed/stream", _SEES_QUEUE),
    _placed(Name.CERTIFICATIONS, "GET", "/state/certifications", _SEES_RULES),
    _placed(Name.URGENT, "GET", "/state/urgent", _REVIEWS),
    _placed(Name.RELEASE, "GET", _RELEASE, _REVIEWS),
    _placed(Name.LOOK, "POST", _RELEASE, _REVIEWS),
    _placed(Name.PASSES, "GET", "/state/passes", _REVIEWS),
    _placed(Name.PASS, "GET", _PASS, _REVIEWS),
    _placed(Name.END_PASS, "POST", _PASS, _REVIEWS),
    _placed(Name.INSTRUMENTS, "GET", "/state/instruments", _REVIEWS),
    _placed(Name.NEW_INSTRUMENT, "GET", "/state/instruments/new", _REVIEWS),
    _placed(Name.REGISTER, "POST", "/state/instruments/new", _REVIEWS),
    _placed(Name.INSTRUMENT, "GET", _INSTRUMENT, _REVIEWS),
    _placed(Name.VERIFY, "POST", f"{_INSTRUMENT}/verify", _REVIEWS),
    _placed(Name.REVOKE, "POST", f"{_INSTRUMENT}/revoke", _REVIEWS),
    _placed(Name.RULES, "GET", "/state/rules", _SEES_RULES),
    _placed(Name.ACCESS, "GET", "/state/access", _SEES_RULES),
    _placed(Name.BLOCK, "GET", "/state/block", _MAKES_RULES),
    _placed(Name.ORDER_BLOCK, "POST", "/state/block", _MAKES_RULES),
    _placed(Name.BLOCKED, "GET", _BLOCKED, _SEES_BLOCKS),
    _placed(Name.CERTIFY_BLOCK, "POST", f"{_BLOCKED}/certify", _MAKES_RULES),
    _placed(Name.CERTIFICATE, "GET", f"{_BLOCKED}/certificate.{{form}}", _SEES_BLOCKS),
    _placed(Name.WAITING, "GET", "/state/confirm", _MAKES_RULES),
    _placed(Name.CONFIRM, "POST", "/state/confirm", _MAKES_RULES),
    _placed(Name.HISTORY, "GET", "/state/rules/history", _SEES_RULES),
    _placed(Name.AS_OF, "GET", "/state/rules/as-of", _SEES_RULES),
    _placed(Name.AS_OF_PAPER, "GET", "/state/rules/as-of/{day}.pdf", _SEES_RULES),
    _placed(Name.PUBLIC_RECORDS, "GET", "/state/public-records", _COUNSEL),
    _placed(Name.EXPORT_RECORDS, "POST", "/state/public-records", _COUNSEL),
    _placed(Name.LITIGATION, "GET", _LITIGATION, _SEES_LITIGATION),
    _placed(Name.PLACE_LITIGATION, "POST", _LITIGATION, KEEPS_RECORDS),
    _placed(Name.LITIGATION_HOLD, "GET", f"{_LITIGATION}/{{number}}", _SEES_LITIGATION),
    _placed(Name.LIFT_LITIGATION, "POST", f"{_LITIGATION}/{{number}}/lift", KEEPS_RECORDS),
    _placed(Name.KEEP_LITIGATION, "POST", f"{_LITIGATION}/{{number}}/keep", KEEPS_RECORDS),
    _placed(Name.PROTECTIONS, "GET", _PROTECTIONS, KEEPS_RECORDS),
    _placed(Name.NEW_PROTECTION, "GET", f"{_PROTECTIONS}/new", KEEPS_RECORDS),
    _placed(Name.PLACE_PROTECTION, "POST", f"{_PROTECTIONS}/new", KEEPS_RECORDS),
    _placed(Name.FIND_PROTECTION, "POST", f"{_PROTECTIONS}/find", KEEPS_RECORDS),
    _placed(Name.PROTECTION, "GET", _PROTECTION, KEEPS_RECORDS),
    _placed(Name.END_PROTECTION, "POST", f"{_PROTECTION}/end", KEEPS_RECORDS),
    _placed(Name.DEMANDS, "GET", _DEMANDS, _SEES_LITIGATION),
    _placed(Name.NEW_DEMAND, "GET", f"{_DEMANDS}/new", KEEPS_RECORDS),
    _placed(Name.REGISTER_DEMAND, "POST", f"{_DEMANDS}/new", KEEPS_RECORDS),
    _placed(Name.DEMAND, "GET", _DEMAND, _SEES_LITIGATION),
    _placed(Name.ACT_ON_DEMAND, "POST", f"{_DEMAND}/act", KEEPS_RECORDS),
    _placed(Name.HAND_OVER, "POST", f"{_DEMAND}/hand-over", KEEPS_RECORDS),
    _placed(Name.KEEP_BACK, "POST", f"{_DEMAND}/keep-back", KEEPS_RECORDS),
    _placed(Name.ASK, "GET", "/console/ask", _ASKS),
    _placed(Name.PREVIEW, "POST", "/console/ask", _ASKS),
    _placed(Name.QUESTION, "GET", _QUESTION, _ASKS),
    _placed(Name.SEND, "POST", _QUESTION, _ASKS),
    _placed(Name.REQUESTS, "GET", "/console/requests", _ASKS),
    _placed(Name.REQUEST, "GET", _REQUEST, _ASKS),
    _placed(Name.REPLY, "POST", f"{_REQUEST}/reply", _ASKS),
    _placed(Name.TELL_ONWARD, "POST", f"{_REQUEST}/onward", _ASKS),
    _placed(Name.MAKE_APPEAL, "POST", f"{_REQUEST}/appeal", _ASKS),
    _placed(Name.DRAFTS, "GET", "/state/rules/drafts", _SEES_BLOCKS),
    _placed(Name.OPEN_DRAFT, "POST", "/state/rules/drafts", _MAKES_RULES),
    _placed(Name.DRAFT, "GET", _DRAFT, _SEES_BLOCKS),
    _placed(Name.DROP_DRAFT, "POST", f"{_DRAFT}/drop", _MAKES_RULES),
    _placed(Name.TAKE_OVER, "POST", f"{_DRAFT}/take-over", _MAKES_RULES),
    _placed(Name.AROUND, "GET", f"{_DRAFT}/around", _SEES_BLOCKS),
    _placed(Name.PUT_AROUND, "POST", f"{_DRAFT}/around", _MAKES_RULES),
    _placed(Name.CLAUSE, "GET", _DRAFTED, _SEES_BLOCKS),
    _placed(Name.CHECK_CLAUSE, "POST", f"{_DRAFTED}/check", _MAKES_RULES),
    _placed(Name.PUT_CLAUSE, "POST", _DRAFTED, _MAKES_RULES),
    _placed(Name.DROP_CLAUSE, "POST", f"{_DRAFTED}/drop", _MAKES_RULES),
    _placed(Name.EXAMINE, "POST", f"{_DRAFT}/examine", _SEES_BLOCKS),
    _placed(Name.GUARANTEES, "GET", f"{_DRAFT}/guarantees", _SEES_BLOCKS),
    _placed(Name.REPLAYED, "GET", f"{_DRAFT}/replay", _SEES_BLOCKS),
    _placed(Name.LEAKS, "GET", f"{_DRAFT}/leaks", _SEES_BLOCKS),
    _placed(Name.CLOSE_DOOR, "POST", f"{_DRAFT}/leaks", _MAKES_RULES),
    _placed(Name.SIGNING, "GET", f"{_DRAFT}/sign", _SEES_BLOCKS),
    _placed(Name.SIGN_DRAFT, "POST", f"{_DRAFT}/sign", _MAKES_RULES),
    _placed(Name.APPROVE_DRAFT, "POST", f"{_DRAFT}/approve", _MAKES_RULES),
    _placed(Name.ANNOUNCE_DRAFT, "POST", f"{_DRAFT}/announce", _MAKES_RULES),
    _placed(Name.CONTROLS, "GET", "/state/controls", _SEES_RULES),
)

_FORMS: Final = {
    "number": rf"0|[1-9][0-9]{{0,{NUMBER_DIGITS_MAX - 1}}}",
    "step": r"[1-9][0-9]{0,4}",
    "act": r"[a-z]{1,16}",
    "clause": r"BLOCK-[1-9][0-9]{0,5}",
    "draft": r"[1-9][0-9]{0,5}",
    "rule": r"new|[A-Z0-9-]{1,24}",
    "form": r"txt|json|pdf",
    "day": r"[12][0-9]{3}-[01][0-9]-[0-3][0-9]",
    "protection": r"[0-9a-f]{32}",
    "question": r"[A-Za-z0-9_-]{22}",
    "request": r"[A-Z2-7]{10}",
    "file": r"[A-Za-z0-9._-]{1,80}",
}
_HOLE: Final = re.compile(r"\{([a-z]+)\}")


def _pattern(path: str) -> re.Pattern[str]:
    parts = _HOLE.split(path)
    text = "".join(
        f"(?P<{part}>{_FORMS[part]})" if at % 2 else re.escape(part)
        for at, part in enumerate(parts)
    )
    return re.compile(text, re.ASCII)


_BY_PATTERN: Final = [(_pattern(route.path), route) for route in ROUTES]
_BY_NAME: Final = {route.name: route for route in ROUTES}


def find_route(method: str, path: str) -> Found | None:
    """Return the route of a request, or None; HEAD is GET."""
    asked = "GET" if method == "HEAD" else method
    for pattern, route in _BY_PATTERN:
        matched = pattern.fullmatch(path)
        if matched and route.method == asked:
            return Found(route=route, values=matched.groupdict())
    return None


def methods_of(path: str) -> tuple[str, ...]:
    """Return the methods that a path takes; empty if there is no such path."""
    return tuple(route.method for pattern, route in _BY_PATTERN if pattern.fullmatch(path))


def roles_of(name: Name) -> frozenset[Role]:
    """Return the roles that a route is for."""
    return _BY_NAME[name].roles


def url_of(name: Name, **values: object) -> str:
    """Return the path of a route with its values."""
    return _HOLE.sub(lambda hole: str(values[hole[1]]), _BY_NAME[name].path)

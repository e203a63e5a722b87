"""A second evaluator, written from `docs/reference/policy.md` alone, without a look at ours.

Plain and slow, over JSON. It shares nothing with the code under test, and must not: where the two
differ, one of them or the page is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

Json = dict[str, Any]
Check = Callable[[Any, str], Any]
Reason = tuple[str, str, str, str]
Values = dict[str, tuple[str, ...]]

SEVERITY = ("release", "hold", "deny")

# Section 2: the axes in order, each with its values in order; those of `agency` are not a list.
AXES_TEXT = """
agency;
agency_type pd so sa le fe ja jc jg jj jf cj nj other;
certification valid expired none;
assurance signed agency_asserted not_stated;
message_key DQ DQG DNQ KQ RQ RQG RPQ RNQ BQ SQ IQ FQ AQ YQ SWQ SOQ PPQ PBQ PCQ PAQ CPQ CWQ WLQ IAQ
  LPQ GQ CCQ ACQ AVQ NAQ NIQ NCI NEI SVQ IPQ IVQ ITQ IGQ FPQ FVQ FTQ FGQ WQ VQ UQ XQ CAQ CGQ CSQ
  CBQ ALQ LQ TQ TA TU TD NLQ NFQ AM AML AA HS HSL SON SM ER other;
data_class status identity address photo ssn history medical immigration_documents vehicle owner
  opaque;
record_kind licence id_card noncompliant_licence commercial_licence registration title other;
purpose criminal_investigation traffic_safety officer_safety missing_or_endangered
  identify_deceased court licensing firearm civil_immigration other_civil other not_stated;
offence homicide sexual child_exploitation trafficking kidnapping terrorism robbery_assault weapons
  drugs fraud_identity vehicle_theft property impaired_driving traffic immigration_criminal
  immigration_civil none other not_stated;
instrument article_iii_warrant state_warrant court_order court_subpoena administrative_subpoena
  administrative_immigration_warrant emergency_declaration consent none other not_stated;
fan_out single list region all;
emergency none declared;
time_band weekday_day weekday_night weekend;
budget within photo_over over;
direction inbound outbound
"""
AXES = {axis: tuple(values) for axis, *values in map(str.split, AXES_TEXT.split(";"))}

MEMBERS = """al ak az ar ca co ct de dc fl ga gu hi id il in ia ks ky la me md ma mi mn ms mo mt ne
nv nh nj nm ny nc nd oh ok or pa pr ri sc sd tn tx ut vt vi va wa wv wi wy us"""

# Section 8: what can be suggested, and its words.
WORDS_TEXT = """
criminal_investigation criminal investigation; traffic_safety traffic safety;
officer_safety officer safety; missing_or_endangered missing or endangered person;
identify_deceased identifying a deceased person; court court proceeding or service;
licensing licensing or registration; firearm firearm purchase or permit;
civil_immigration civil immigration enforcement; other_civil other civil purpose;
valid a valid certification to this state; signed an operator's signature;
court_order a court order; article_iii_warrant a warrant signed by a federal judge (Article III);
state_warrant a warrant signed by a state judge; court_subpoena a court subpoena;
administrative_subpoena an administrative subpoena; consent the person's consent
"""
WORDS = {value: " ".join(words) for value, *words in map(str.split, WORDS_TEXT.split(";"))}
SUGGESTED = {"purpose": list(WORDS)[:10], "certification": ["valid"], "assurance": ["signed"]}
SUGGESTED["instrument"] = list(WORDS)[12:]
UNLISTED = ("UNLISTED-AGENCY", "The agency that asks is not listed in the directory.", "", "")
NO_RULE = ("NO-RULE", "No rule of this state releases this.", "", "")
UNKNOWN = ("UNKNOWN-VALUE", "The query has a value that this state's rules do not know.", "", "")


class RefusedError(ValueError):
    """What the page refuses: bytes that are no bundle, or layers that do not fit."""


@dataclass(frozen=True)
class Decision:
    """The decision for one class of one kind of record; a reason is (rule, sentence, ...)."""

    record_kind: str
    data_class: str
    outcome: str
    reasons: tuple[Reason, ...]
    obligations: tuple[str, ...]
    would_change: str


@dataclass(frozen=True)
class Decided:
    """All decisions of a request, by kind and then by class, and the one for "no record"."""

    decisions: list[Decision]
    no_record: Decision


# Sections 1, 2, 4, 9 and 10: the form of a bundle. A check returns its value in normal form.


def _where(test: Callable[[Any], bool], form: str) -> Check:
    def check(value: Any, what: str) -> Any:
        if not test(value):
            raise RefusedError(f"{what} must be {form}.")
        return value

    return check


def _number(low: int, high: int) -> Check:
    form = f"a whole number from {low} to {high}"
    return _where(lambda value: type(value) is int and low <= value <= high, form)


def _form(pattern: str, form: str = "a value that is listed") -> Check:
    return _where(lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value)), form)


def _text(most: int, blank: bool = True) -> Check:
    pattern = f"{'' if blank else '(?= *[!-~])'}[ -~]{{0,{most}}}"
    return _form(pattern, f"a text of at most {most} characters{'' if blank else ', not blank'}")


def _list(most: int | None, one: Check) -> Check:
    def check(value: Any, what: str) -> list[Any]:
        if not isinstance(value, list) or (most is not None and len(value) > most):
            raise RefusedError(f"{what} must be a list that is not too long.")
        return [one(item, what) for item in value]

    return check


def _set(most: int | None, one: Check, order: Sequence[str] = (), least: int = 0) -> Check:
    def check(value: Any, what: str) -> list[str]:
        values: list[str] = _list(most, one)(value, what)
        if len(set(values)) != len(values) or len(values) < least:
            raise RefusedError(f"{what} must have each value once and at least {least}.")
        return sorted(values, key=order.index if order else None)

    return check


def _chosen(allowed: Sequence[str], least: int = 0) -> Check:
    return _set(None, _form("|".join(allowed)), allowed, least)


def _object(fields: Mapping[str, Check]) -> Check:
    def check(value: Any, what: str) -> Json:
        if not isinstance(value, dict) or not set(value) <= set(fields):
            raise RefusedError(f"{what} must be an object of the fields that are listed.")
        if missing := NEEDED & set(fields) - set(value):
            raise RefusedError(f"{what} has no {min(missing)}.")
        read = {name: one(value[name], name) for name, one in fields.items() if name in value}
        return {name: each for name, each in read.items() if each not in (None, "", [], {})}

    return check


BOOLEAN = _where(lambda value: isinstance(value, bool), "a boolean")
TAKEN = (
    "NO-RULE|UNLISTED-AGENCY|UNKNOWN-VALUE|CASE-PASS|URGENT-LANE|INSTRUMENT|CLAIM-CHECK|QUOTA"
    "|UNMET-OBLIGATION"
)
RULE_ID = _form(rf"(?!({TAKEN})\Z)[A-Z0-9-]{{1,24}}", "a rule's id")
GUARANTEE_ID = "[A-Z0-9-]{1,24}"
AGENCY = "[A-Z0-9]{1,16}(/[A-Z0-9]{1,16}){0,5}"
FAMILY = rf"(?![A-Z0-9]{{9}}\Z){AGENCY}"
DIGEST = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
SINCE = "([0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?)?"
NEEDED = {"schema_version", "state", "version", "title", "hold_hours", "id", "effect", "statute"}
NEEDED |= {"per", "persons", "cite", "mark", "rule", "until", "delayed_purposes", "delay_months"}

CONDITION = _object(
    {axis: _chosen(values, least=1) for axis, values in AXES.items()}
    | {"agency": _set(256, _form(AGENCY, "a family path or an ORI"), least=1)}
)
STATUTE = _object(
    {"cite": _text(120, blank=False), "mark": _form("[VSKP]"), "since": _form(SINCE, "a date")}
)
RULE = _object(
    {
        "id": RULE_ID,
        "effect": _form("release|hold|deny"),
        "when": CONDITION,
        "unless": _list(16, CONDITION),
        "obligations": _chosen(["log", "review_after", "second_review"]),
        "statute": STATUTE,
        "sentence": _text(240),
        "label": _text(40),
        "note": _text(500),
        "enabled": lambda value, what: None if BOOLEAN(value, what) else False,
    }
)
PUBLICATION = _object(
    {
        "delayed_purposes": _chosen(AXES["purpose"][:-1], least=1),
        "except_families": _set(256, _form(FAMILY, "a family path")),
        "delay_months": _number(1, 60),
    }
)
BUDGET = _object(
    {
        "per": _form("operator|agency"),
        "agency": _set(256, _form(AGENCY, "a family path or an ORI"), least=1),
        "purpose": _chosen(AXES["purpose"], least=1),
        "persons": _number(1, 1_000_000),
        "photos": lambda value, what: None if value is None else _number(0, 1_000_000)(value, what),
    }
)
QUOTA = _object(
    {
        "per": _form("agency|together"),
        "agency": _set(256, _form(AGENCY, "a family path or an ORI"), least=1),
        "waiting": _number(1, 10_000),
        "per_day": lambda value, what: (
            None if value is None else _number(1, 1_000_000)(value, what)
        ),
    }
)
GUARANTEE = _object(
    {
        "id": _form(GUARANTEE_ID, "a guarantee's id"),
        "sentence": _text(240, blank=False),
        "when": CONDITION,
        "unless": _list(16, CONDITION),
        # Left out where it is false.
        "reviewed": lambda value, what: BOOLEAN(value, what) or None,
    }
)
BUNDLE = _object(
    {
        "schema_version": _number(1, 2),
        "state": _form("|".join(MEMBERS.split())),
        "version": _number(1, 2**31),
        "title": _text(120, blank=False),
        "label": _text(40),
        "hold_hours": _number(1, 720),
        "notice_hours": lambda value, what: _number(0, 2160)(value, what) or None,
        "national": _form(DIGEST, "32 bytes in base64"),
        "opt_outs": _set(2000, RULE_ID),
        "publication": lambda value, what: None if value is None else PUBLICATION(value, what),
        "budgets": lambda value, what: sorted(_list(32, BUDGET)(value, what), key=_counted),
        "quotas": lambda value, what: sorted(_list(32, QUOTA)(value, what), key=_queued),
        "guarantees": _list(64, GUARANTEE),
        "guarantee_opt_outs": _set(64, _form(GUARANTEE_ID, "a guarantee's id")),
        "unconfirmed": _list(None, _object({"rule": RULE_ID, "until": _number(0, 2**34 - 1)})),
        "rules": _list(2000, RULE),
    }
)


def _counted(budget: Json) -> tuple[Any, ...]:
    purposes = [AXES["purpose"].index(each) for each in budget.get("purpose", [])]
    return budget["per"] != "operator", budget.get("agency", []), purposes


def _queued(quota: Json) -> tuple[Any, ...]:
    return quota["per"] != "agency", quota.get("agency", [])


def _check_quotas(quotas: list[Json], version: int) -> None:
    if quotas and version == 1:
        raise RefusedError("quotas stand in a bundle of schema_version 1.")
    if any(quota["per"] == "together" and "agency" not in quota for quota in quotas):
        raise RefusedError("A quota is of all together.")
    if any(_queued(one) == _queued(next_) for one, next_ in itertools.pairwise(quotas)):
        raise RefusedError("Two quotas are for the same.")


def _check_budgets(budgets: list[Json], version: int) -> None:
    if budgets and version == 1:
        raise RefusedError("budgets stand in a bundle of schema_version 1.")
    if any(budget.get("photos", 0) > budget["persons"] for budget in budgets):
        raise RefusedError("A budget has more photos than persons.")
    if any(_counted(one) == _counted(next_) for one, next_ in itertools.pairwise(budgets)):
        raise RefusedError("Two budgets are for the same.")


def _check_rule(rule: Json, version: int) -> None:
    conditions = [rule.get("when", {}), *rule.get("unless", [])]
    if {} in conditions[1:]:
        raise RefusedError(f"Rule {rule['id']} has an empty exception.")
    if version == 1 and any({"budget", "direction"} & set(each) for each in conditions):
        raise RefusedError(f"Rule {rule['id']} names an axis that schema_version 1 does not have.")
    if "review_after" in rule.get("obligations", []):
        urgent = rule["effect"] == "release" and conditions[0].get("emergency") == ["declared"]
        if not urgent or version == 1:
            raise RefusedError(f"Rule {rule['id']} has review_after, and may not.")
    if "second_review" in rule.get("obligations", []) and (
        rule["effect"] != "hold" or version == 1
    ):
        raise RefusedError(f"Rule {rule['id']} has second_review, and may not.")
    if rule["statute"]["mark"] == "K" and rule.get("enabled", True):
        raise RefusedError(f"Rule {rule['id']} has the mark K and is enabled.")
    if rule["effect"] != "release" and not rule.get("sentence", "").strip(" "):
        raise RefusedError(f"Rule {rule['id']} has no sentence.")


def _check_guarantees(bundle: Json) -> None:
    found = bundle.get("guarantees", [])
    later = {"notice_hours", "guarantees", "guarantee_opt_outs"} & set(bundle)
    if bundle["schema_version"] == 1 and later:
        raise RefusedError("Notice or promises stand in a bundle of schema_version 1.")
    if any("sentence" not in each or {} in each.get("unless", []) for each in found):
        raise RefusedError("A guarantee has no sentence, or an empty exception.")
    if len({each["id"] for each in found}) != len(found):
        raise RefusedError("Two guarantees have the same id.")


def _bundle(value: object) -> Json:
    bundle: Json = BUNDLE(value, "The bundle")
    rules = bundle.get("rules", [])
    for rule in rules:
        _check_rule(rule, bundle["schema_version"])
    _check_budgets(bundle.get("budgets", []), bundle["schema_version"])
    _check_quotas(bundle.get("quotas", []), bundle["schema_version"])
    _check_guarantees(bundle)
    if len({rule["id"] for rule in rules}) != len(rules):
        raise RefusedError("Two rules have the same id.")
    if "opt_outs" in bundle and "national" not in bundle:
        raise RefusedError("opt_outs stands without national.")
    listed = [entry["rule"] for entry in bundle.get("unconfirmed", [])]
    strict = [rule["id"] for rule in rules if rule["effect"] != "release"]
    if listed != [name for name in strict if name in listed]:
        raise RefusedError(
            "unconfirmed must name own hold and deny rules, each once, in rule order."
        )
    return bundle


def _once(pairs: list[tuple[str, Any]]) -> Json:
    if len({name for name, _ in pairs}) != len(pairs):
        raise RefusedError("A field stands twice in one object.")
    return dict(pairs)


def _no_number(text: str) -> NoReturn:
    raise RefusedError("A number is not written as a whole number.")


def read_bundle(data: bytes) -> Json:
    """The bundle that these bytes hold, in normal form. Raises: RefusedError."""
    if len(data) > 4 * 1024 * 1024:
        raise RefusedError("The bundle has more than 4 MiB.")
    try:
        read = json.JSONDecoder(
            object_pairs_hook=_once, parse_float=_no_number, parse_constant=_no_number
        )
        return _bundle(read.decode(data.decode("utf-8")))
    except RefusedError:
        raise
    except (ValueError, RecursionError) as error:
        raise RefusedError("The bytes are not JSON in UTF-8.") from error


def canonical(bundle: Json) -> bytes:
    """The canonical bytes of a bundle (section 4); raises RefusedError where it is none."""
    return json.dumps(_bundle(bundle), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def digest(bundle: Json) -> bytes:
    """SHA-256 of the canonical bytes."""
    return hashlib.sha256(canonical(bundle)).digest()


def rules_in_force(bundle: Json, national: Json | None) -> list[Json]:
    """The enabled rules of both layers in rule order (section 5). Raises: RefusedError."""
    own: list[Json] = bundle.get("rules", [])
    adopted: list[Json] = []
    if "national" in bundle:
        if national is None or digest(national) != base64.b64decode(bundle["national"]):
            raise RefusedError("The national bundle at hand is not the one that is adopted.")
        opt_outs = bundle.get("opt_outs", [])
        theirs: list[Json] = national.get("rules", [])
        if not {rule["id"] for rule in theirs}.issuperset(opt_outs):
            raise RefusedError("opt_outs names a rule that the national bundle does not have.")
        adopted = [rule for rule in theirs if rule["id"] not in opt_outs]
        if {rule["id"] for rule in own} & {rule["id"] for rule in adopted}:
            raise RefusedError("A national rule has the id of an own rule.")
    return [rule for rule in own + adopted if rule.get("enabled", True)]


# Sections 6 and 7: one class and one kind.


def _values(facts: Mapping[str, str], family: str | None, kind: str, data_class: str) -> Values:
    values: Values = {axis: (facts.get(axis, ""),) for axis in AXES}
    key = facts.get("key", "")
    values |= {"record_kind": (kind,), "data_class": (data_class,)}
    values["message_key"] = (key if key in AXES["message_key"] else "other",)
    parts = family.split("/") if family is not None else []
    above = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
    values["agency"] = (facts.get("agency", ""), *above)
    return values


def _holds(condition: Json, values: Values) -> bool:
    return all(any(own in listed for own in values[axis]) for axis, listed in condition.items())


def _applies(rule: Json, values: Values) -> bool:
    excepted = any(_holds(exception, values) for exception in rule.get("unless", []))
    return _holds(rule.get("when", {}), values) and not excepted


def _reason(rule: Json) -> Reason:
    statute = rule["statute"]
    since = f"since {statute['since']}" if "since" in statute else ""
    cited = "; ".join(filter(None, (statute["cite"], rule.get("label"), since)))
    return rule["id"], rule.get("sentence", ""), cited, statute["mark"]


def _decide(
    rules: Sequence[Json], values: Values, reviewed: bool
) -> tuple[str, tuple[Reason, ...], tuple[str, ...]]:
    if len(values["agency"]) == 1:
        return "deny", (UNLISTED,), ()
    if any(values[axis][0] not in listed for axis, listed in AXES.items() if axis != "agency"):
        return "deny", (UNKNOWN,), ()
    applying = [rule for rule in rules if _applies(rule, values)]
    release, hold, deny = ([r for r in applying if r["effect"] == e] for e in SEVERITY)
    if deny:
        outcome, reasons, obliging = "deny", deny, deny
    elif not release:
        return "deny", (NO_RULE,), ()
    elif hold and not reviewed:
        outcome, reasons, obliging = "hold", hold, hold
    else:
        outcome, reasons, obliging = "release", release, release + hold
    obligations = {each for rule in obliging for each in rule.get("obligations", [])}
    obligations -= {"review_after"} if reviewed else set()
    return outcome, tuple(map(_reason, reasons)), tuple(sorted(obligations))


# Section 8: what would change it.


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _alone(axis: str, values: list[str]) -> str:
    words = [WORDS[value] for value in values]
    if axis == "assurance":
        return "A query signed by its operator"
    if axis == "purpose":
        if len(words) > 4:
            words = [*words[:3], f"one of {len(words) - 3} others"]
        return "State a purpose: " + _or(words)
    if "article_iii_warrant" in values and "state_warrant" in values:
        words[values.index("article_iii_warrant")] = "a judicial warrant"
        del words[values.index("state_warrant")]
    return _capital(_or(words))


def _together(axis: str, value: str) -> str:
    return f"a stated purpose ({WORDS[value]})" if axis == "purpose" else WORDS[value]


def _effect(now: str, then: str) -> str:
    if now == "hold":
        return "would release this without review"
    return "would allow this after review" if then == "hold" else "would allow this"


def _would_change(rules: Sequence[Json], values: Values, reviewed: bool, now: str) -> str:
    def outcome(**changed: str) -> str:
        other = values | {axis: (value,) for axis, value in changed.items()}
        return _decide(rules, other, reviewed)[0]

    milder = SEVERITY[: SEVERITY.index(now)]
    stated = values["purpose"] != ("not_stated",)
    suggested = SUGGESTED | ({"purpose": []} if stated else {})
    said: list[str] = []
    for axis, wanted in itertools.product(suggested, milder):
        if helping := [one for one in suggested[axis] if outcome(**{axis: one}) == wanted]:
            said.append(f"{_alone(axis, helping)} {_effect(now, wanted)}.")
    if said:
        return " ".join(said)
    pairs = [
        (first, one, second, two)
        for first, second in itertools.combinations(suggested, 2)
        for one, two in itertools.product(suggested[first], suggested[second])
    ]
    for wanted, (first, one, second, two) in itertools.product(milder, pairs):
        if outcome(**{first: one, second: two}) == wanted:
            words = _capital(f"{_together(first, one)} and {_together(second, two)}")
            return f"{words} together {_effect(now, wanted)}."
    return ""


def decide(
    rules: Sequence[Json],
    families: Mapping[str, str],
    facts: Mapping[str, str],
    classes: Sequence[str],
    kinds: Sequence[str],
    *,
    reviewed: bool = False,
    tells_change: bool = True,
) -> Decided:
    """Every class of every kind decided, by kind and then by class, and "no record".

    What would change a decision costs most of the time; without `tells_change` it stays empty.
    """
    if not classes:
        raise RefusedError("No class is asked.")
    family = families.get(facts.get("agency", ""))
    decisions: list[Decision] = []
    for kind, data_class in itertools.product(kinds or ["other"], classes):
        values = _values(facts, family, kind, data_class)
        outcome, reasons, obligations = _decide(rules, values, reviewed)
        known = tells_change and reasons[0] not in (UNLISTED, UNKNOWN)
        change = _would_change(rules, values, reviewed, outcome) if known else ""
        decisions.append(Decision(kind, data_class, outcome, reasons, obligations, change))
    firsts = decisions[:: len(classes)]
    telling = [each for each in firsts if each.record_kind != "other"] or firsts
    return Decided(decisions, max(telling, key=lambda each: SEVERITY.index(each.outcome)))

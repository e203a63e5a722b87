"""What inputs begin as: the shared vectors, and what our own encoders write.

Guarantee: the same list in the same order on every machine; each seed is one that is read, or one
that a vector says is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from comity.directory.part import encode_signed_part, part_body, sign_part
from comity.directory.tables import encode_csv, encode_toml
from comity.domain.after_review import Desk
from comity.domain.agency import DirectoryPart
from comity.domain.answer import Answer, Merged, ResponseKind
from comity.domain.appeal import AppealDecision
from comity.domain.certificate import (
    Certificate,
    CertificateKind,
    CertifiedBlock,
    CertifiedGuarantee,
    CertifiedProbe,
    SecondProof,
    SignedCertificate,
    encode_certificate,
)
from comity.domain.decision import RuleId
from comity.domain.delivery import Delivery
from comity.domain.ids import Member, QueryId
from comity.domain.keeping import (
    KeepingReason,
    Order,
    OrderAct,
    OrderError,
    OrderSignature,
    SignedOrder,
    encode_signed_order,
)
from comity.domain.publishing import (
    SignedPolicy,
    SignedThaw,
    encode_signed_policy,
    encode_signed_thaw,
    order_of,
)
from comity.domain.query import Query
from comity.domain.vocabulary import Outcome
from comity.formats import json as json_form
from comity.formats import niem as niem_form
from comity.formats import text as text_form
from comity.formats.delivered import Delivered
from comity.formats.faults import MessageError, fault_of, with_original
from comity.formats.frames import FrameKind, Hello, encode_delivery, encode_frame, encode_hello
from comity.formats.json.delivered import render_delivered
from comity.formats.status import Notice, Status, StatusKind, render_notice, render_status
from comity.link.command import (
    AskOnward,
    Certified,
    Command,
    CommandResult,
    DecideAppeal,
    DeskShown,
    EndDuty,
    ExpireReview,
    FindClaim,
    GiveNotice,
    GiveReReview,
    GrantPass,
    ReadDesk,
    ReviewRelease,
    RevokePass,
    ShadowPolicy,
    SignCheckpoint,
    encode_command,
    encode_result,
)
from comity.link.envelope import open_envelope
from comity.link.evidence import encode_evidence, evidence
from comity.link.parcel import encode_parcel
from comity.link.protections import (
    EndProtection,
    PlaceProtection,
    ProtectionsShown,
    ProtectionView,
    ReadProtections,
)
from comity.policy.cedar import cedar_policies
from comity.policy.guarantee import default_guarantees
from comity.policy.rule import encode_bundle
from comity.policy.templates import draft_text, load_template, template_names
from comity.policy.traffic import ROLL_UP_FIELDS
from comity.services.vault import encode_private
from tests.fuzz.refusals import ROOT
from tests.support import review
from tests.support.answers import SAMPLES
from tests.support.desks import PASS, RELEASE
from tests.support.directory import acting, ohio, operator, signer_of, texas
from tests.support.link import BOOK, SOUTH, one_of_each
from tests.support.minimal import MINIMAL, minimal_text
from tests.support.protections import (
    ended_by,
    protection,
    signed_protection,
    signed_reading,
)
from tests.unit.formats.test_delivered import DELIVERY, FAULT
from tests.unit.link.test_command import COMMANDS
from tests.unit.link.test_showing import SHOWN, show

VECTORS = ROOT / "vectors"
_COMMAND_BYTES_MAX = 20_000


@cache
def vectors(name: str) -> Any:
    """Return a file of the shared vectors."""
    return json.loads((VECTORS / name).read_text("utf-8"))


def _distinct(seeds: Iterable[bytes]) -> list[bytes]:
    return list(dict.fromkeys(seeds))


@cache
def queries() -> list[Query]:
    """Return valid queries: the least of every key, and every one of the vectors."""
    found = [text_form.parse_query(minimal_text(key)) for key in MINIMAL]
    documents = [
        case["json"] for case in vectors("formats/queries.json")["cases"] if "json" in case
    ]
    return found + [json_form.parse_query(json.dumps(each).encode()) for each in documents]


def text_queries() -> list[bytes]:
    """Return text messages that ask."""
    cases = [c["text"].encode("latin-1") for c in vectors("formats/queries.json")["cases"]]
    published = [
        row["raw"].encode("latin-1", "replace")
        for line in (VECTORS / "nlets-examples.jsonl").read_text("utf-8").splitlines()
        if (row := json.loads(line))["direction"] == "input" and row["format"] == "legacy"
    ]
    return _distinct([*cases, *published, *map(text_form.render_query, queries())])


def json_queries() -> list[bytes]:
    """Return JSON documents that ask."""
    return _distinct(map(json_form.render_query, queries()))


def niem_queries() -> list[bytes]:
    """Return XML messages that ask."""
    cases = [c["xml"].encode() for c in vectors("formats/niem.json")["cases"]]
    return _distinct([*cases, *map(niem_form.render_query, queries())])


@cache
def deliveries() -> list[Delivered]:
    """Return what is delivered: every sample of an answer, a merged one, a fault, a free text."""
    answers = list(SAMPLES.values())
    found = [Delivered(delivery=_with_text(answer), answer=answer) for answer in answers]
    free = msgspec.structs.replace(DELIVERY, control=None, text="NOT ON FILE\n  two\nlines  ")
    merged = Delivered(delivery=DELIVERY, merged=_merged())
    return [*found, merged, Delivered(delivery=DELIVERY, fault=FAULT), Delivered(delivery=free)]


def _with_text(answer: Answer) -> Delivery:
    return msgspec.structs.replace(DELIVERY, text=text_form.render_answer_text(answer))


def _merged() -> Merged:
    hit = SAMPLES["hit"]
    other = msgspec.structs.replace(_no_hit(), state=Member("or"))
    return Merged(
        query_id=QueryId(bytes(16)),
        key=hit.key,
        asked=(hit.state, Member("or"), Member("nv")),
        answers=(hit, other),
    )


def _no_hit() -> Answer:
    return next(a for a in SAMPLES.values() if a.response is ResponseKind.NO_HIT)


def text_deliveries() -> list[bytes]:
    """Return delivered text messages, also as published samples have them."""
    ours = [text_form.render_delivery(delivered.delivery) for delivered in deliveries()]
    swapped = b"DR.WAOLN0000.\r\n14:05 11/24/2026 00007 ORPX00001.\r\n14:05 11/24/2026 00007\r\n"
    return _distinct([*ours, swapped + b"*AB.\r\nTXT WA: NOT ON FILE\r\n"])


def niem_deliveries() -> list[bytes]:
    """Return delivered XML messages."""
    cases = [c["xml"].encode() for c in vectors("formats/niem.json")["delivered"]]
    return _distinct([*cases, *map(niem_form.render_delivered, deliveries())])


def json_deliveries() -> list[bytes]:
    """Return what a JSON requester is delivered, and each part of it alone."""
    alone = [json_form.render_delivery(delivered.delivery) for delivered in deliveries()]
    return _distinct([*map(render_delivered, deliveries()), *alone])


def json_answers() -> list[bytes]:
    """Return answers as JSON."""
    cases = [json.dumps(c["json"]).encode() for c in vectors("formats/answers.json")["cases"]]
    return _distinct([*cases, *map(json_form.render_answer, SAMPLES.values())])


def json_merged() -> list[bytes]:
    """Return answers of many states as JSON."""
    return [json_form.render_merged(_merged())]


@cache
def faults() -> list[MessageError]:
    """Return refusals as they are sent, each of another kind."""
    found = [with_original(fault_of("0", "message-malformed", "there is no key"), "DQ.X")]
    for data in text_queries():
        try:
            text_form.parse_query(data)
        except MessageError as error:
            found.append(error)
    return found


def json_faults() -> list[bytes]:
    """Return faults as JSON."""
    return _distinct(json_form.render_fault(error.fault) for error in faults())


def error_texts() -> list[bytes]:
    """Return bodies of error messages."""
    return _distinct(text_form.render_error_text(error.fault).encode() for error in faults())


def answer_texts() -> list[bytes]:
    """Return bodies of answers."""
    cases = [c["text"].encode() for c in vectors("formats/answers.json")["cases"]]
    return _distinct(
        [*cases, *map(str.encode, map(text_form.render_answer_text, SAMPLES.values()))]
    )


def status_texts() -> list[bytes]:
    """Return status messages, operators' notices, and bodies whose elements are published."""
    key = next(iter(MINIMAL))
    said = {"key": key, "destination": "WA"}
    statuses = [
        render_status(Status(kind=kind, **said))  # type: ignore[arg-type]
        for kind in StatusKind
    ]
    bare = [render_status(Status(kind=kind)) for kind in StatusKind]
    notices = [
        render_notice(Notice(until="1430", zone="EST", **said)),  # type: ignore[arg-type]
        render_notice(Notice()),
    ]
    bodies = [MINIMAL[name][1] for name in ("YQ", "UQ", "SM")]  # type: ignore[index]
    return _distinct(map(str.encode, [*statuses, *bare, *notices, *bodies]))


def cards() -> list[bytes]:
    """Return payloads of cards, whole and damaged."""
    return _distinct(
        case["payload"].encode(case.get("encoding", "latin-1"))
        for case in vectors("formats/cards.json")["cases"]
    )


def frames() -> list[bytes]:
    """Return streams of frames in both directions."""
    cases = [bytes.fromhex(c["bytes"]) for c in vectors("exchange/frames.json")["cases"]]
    hello = encode_hello(
        Hello(
            protocol=1, line="line-1", oris=("ORWSP0000",), message_bytes_max=16_384,
            last_frame=0, last_delivery=0, practice=True,
        )
    )  # fmt: skip
    down = hello + encode_frame(FrameKind.ACCEPTED, 1) + encode_delivery(1, 1, b"ER")
    up = encode_frame(FrameKind.MESSAGE, 1, b"DQ") + encode_frame(FrameKind.TAKEN, 1)
    return _distinct([*cases, down, up * 3, down + encode_frame(FrameKind.REFUSED, 2, b"busy")])


@cache
def parts() -> list[DirectoryPart]:
    """Return parts of the directory."""
    return [texas(), ohio(), operator(), acting()]


def part_bodies() -> list[bytes]:
    """Return parts as they are signed."""
    return list(map(part_body, parts()))


def signed_parts() -> list[bytes]:
    """Return signed parts as they travel."""
    cases = [c["signed_part"].encode() for c in vectors("link/parts.json")["verifies"]]
    ours = [encode_signed_part(sign_part(p, signer_of(p.member))) for p in parts()]
    return _distinct([*cases, *ours])


def csv_tables() -> list[bytes]:
    """Return tables of agencies as CSV."""
    return _distinct([encode_csv(part.agencies).encode() for part in parts()])


def toml_tables() -> list[bytes]:
    """Return tables of agencies as TOML."""
    return _distinct([encode_toml(part.agencies).encode() for part in parts()])


def help_messages() -> list[bytes]:
    """Return identifiers of help files, each with a text on the lines below."""
    return [
        f"{ori}\n{text}".encode()
        for ori in ("TXLICHELP", "WABASUPDT", "NLNLEAPND", "OROLNCNCL")
        for text in ("", "Plates:\n  ask by LIC, LIY and LIT", "a\r\nb\tc")
    ]


def parcels() -> list[bytes]:
    """Return parcels of each kind, and bytes that are none."""
    refused = [bytes.fromhex(case["bytes"]) for case in vectors("link/parcels.json")["refused"]]
    return _distinct([*map(encode_parcel, one_of_each()), *refused])


def envelopes() -> list[bytes]:
    """Return sealed envelopes."""
    found = vectors("link/envelopes.json")
    return _distinct(bytes.fromhex(case["envelope"]) for case in found["opens"])


def contents() -> list[bytes]:
    """Return what stands inside an envelope, behind a byte that makes it one of many versions."""
    parcels_each = [[encode_parcel(parcel)] for parcel in one_of_each()]
    return [b"\x01" + msgspec.msgpack.encode([bytes(64), each]) for each in parcels_each]


def commands() -> list[bytes]:
    """Return commands and their results."""
    found = vectors("link/commands.json")
    kept = [bytes.fromhex(c["bytes"]) for c in (*found["commands"], *found["results"])]
    results: tuple[CommandResult, ...] = (
        DeskShown(
            passes=(msgspec.structs.replace(PASS, since=review.NOW, until=review.NOW + 60),),
            releases=(msgspec.structs.replace(RELEASE, due=review.NOW, released_at=review.NOW),),
        ),
        DeskShown(claims=(review.CLAIM,), access_entry="il/131"),
        DeskShown(onward=review.ONWARD, access_entry="il/131"),
        DeskShown(appeals=(review.APPEAL,), access_entry="il/131"),
        Certified(certificate=b"{}"),
        ProtectionsShown(
            protections=(ProtectionView(protection="0" * 32, placed_at=review.NOW),),
            count=1,
            access_entry="il/131",
        ),
        SHOWN,
    )
    made = [*map(encode_command, (*COMMANDS, *_desk_commands())), *map(encode_result, results)]
    return _distinct([*kept, *(data for data in made if len(data) <= _COMMAND_BYTES_MAX)])


def _desk_commands() -> list[Command]:
    """Return what a review desk and a state's rules ask beside what the others show."""
    return [
        GrantPass(signed=review.signed_pass(review.case_pass())),
        RevokePass(signed=review.signed_revocation(review.revocation("wa/8"))),
        ReviewRelease(signed=review.signed_look(review.look("wa/8"))),
        ReadDesk(signed=review.signed_reading_of(review.reading(Desk.URGENT, "wa/8"))),
        GiveNotice(signed=review.signed_given(review.given("wa/8"))),
        GiveReReview(signed=review.signed_again(review.again("wa/8"))),
        FindClaim(signed=review.signed_finding(review.claim_finding("wa/8", proved=False))),
        PlaceProtection(signed=signed_protection(protection())),
        EndProtection(signed=ended_by("counsel", bytes(16))),
        ReadProtections(signed=signed_reading(protection="0" * 32)),
        ReadProtections(signed=signed_reading(person=review.LICENSEE)),
        AskOnward(signed=review.signed_question("wa/8")),
        DecideAppeal(
            signed=review.signed_appeal(review.appeal_finding("wa/8", AppealDecision.GRANTED)),
            grant=review.signed_pass(review.case_pass()),
        ),
        ExpireReview(state=Member("tx"), entry="tx/8"),
        show(),
        ShadowPolicy(state=Member("tx"), bundle=b"rules"),
        EndDuty(member=Member("tx"), duty_id=1),
        SignCheckpoint(member=Member("tx")),
    ]


def drafts() -> list[bytes]:
    """Return the texts of drafts that counsel fills in."""
    names = ("wa", "executive_order", "national_default", "hi")
    return [draft_text(name).encode() for name in names]


def guarantee_files() -> list[bytes]:
    """Return files of guarantees: those of all states, and one by hand."""
    shipped = files("comity.policy").joinpath("guarantees.toml").read_bytes()
    by_hand = b'[[guarantees]]\nid = "G-1"\nsentence = "No."\nwhen = {purpose = ["not_stated"]}\n'
    return [shipped, by_hand]


def cedar_texts() -> list[bytes]:
    """Return rules in Cedar."""
    full = cedar_policies(load_template("wa").rules)
    return [full.encode(), *(f"{text};\n".encode() for text in full.split(";\n")[:4])]


def traffic_files() -> list[bytes]:
    """Return counts of traffic from before, with few columns and with all."""
    few = b"month,agency,message_key,count\n2026-01,TX2270100,DQ,7\n2026-02,TX2270100,RQ,1\n"
    row = "TX2270100,pd,valid,signed,DQ,no,licence,not_stated,none,none,single,none,weekday_day,"
    full = f"month,{','.join(ROLL_UP_FIELDS)},count\n2026-01,{row}within,inbound,12\n"
    return [few, few.replace(b"\n", b"\r\n"), full.encode()]


def private_records() -> list[bytes]:
    """Return private records with a note, with none, and with that of a further leaf."""
    said = {
        "agency": "TX2270100", "accepted_at": "1795500000", "assurance": "signed",
        "purpose": "not_stated", "offence": "none", "instrument": "none:",
    }  # fmt: skip
    fields = tuple((name, value.encode()) for name, value in said.items())
    note = "pd,valid,single,none,weekday_day,within,inbound,no,licence"
    return [encode_private(bytes(32), fields, noted) for noted in (note, None, "")]


def documents() -> list[bytes]:
    """Return messages in every format and direction, as a command line is given them."""
    return _distinct(
        [
            *text_queries(), *text_deliveries(), *json_queries(), *json_deliveries(),
            *json_answers(), *json_faults(), *niem_queries(), *niem_deliveries(),
        ]
    )  # fmt: skip


def trust_roots() -> list[bytes]:
    """Return texts of trust roots."""
    return [vectors("link/parts.json")["trust_root"].encode()]


def source_replies() -> list[bytes]:
    """Return what a state's web service answers three look-ups with."""
    element = {"class": "status", "name": "LICENSE_STATUS", "value": "VALID"}
    record = {"kind": "licence", "matches": 2, "elements": [element, element]}
    results = [
        [
            {"place": 0, "record": record},
            {"place": 1, "record": None},
            {"place": 2, "fault": "busy"},
        ],
        [{"place": 0, "record": {"kind": "licence", "text": "Any text\nof a state"}}],
        [],
    ]
    return [json.dumps({"version": 1, "results": each}).encode() for each in results]


def http_requests() -> list[bytes]:
    """Return what requests say: a key, headers, a query, on lines."""
    return [
        b'8e03978e\nidempotency-key: "8e03978e"\ncontent-type: application/json\nafter=7&limit=10',
        b'"a \\" b"\nprefer: respond-async, wait=10\naccept: multipart/mixed\nafter=0',
        b"k\ncontent-type: text/plain; charset=utf-8\ncontent-encoding: identity\nlimit=1",
        b'<x>\ncontent-type: application/niem+xml\nprefer: wait="5"\n',
    ]


def ledger_records() -> list[bytes]:
    """Return leaves, receipts, openings and notes, whole and as vectors have them refused."""
    found: list[bytes] = []
    for name, member in (
        ("leaf-headers", "leaf"), ("receipts", "receipt"), ("commitments", "opening"),
        ("notes", "note"),
    ):  # fmt: skip
        cases = vectors(f"ledger/{name}.json")["cases"]
        found += [case[member].encode() for case in cases if isinstance(case.get(member), str)]
    return _distinct(found)


def policies() -> list[bytes]:
    """Return the shipped templates as bundles."""
    return [encode_bundle(load_template(name)) for name in template_names()]


def audited_records() -> list[bytes]:
    """Return what a checker is given: the ledger's records, keys, and a proof around a note."""
    cases = vectors("ledger/notes.json")["cases"]
    keys = [case["vkey"].encode() for case in cases if "vkey" in case]
    notes = [case["note"].encode() for case in cases if isinstance(case.get("note"), str)]
    path = b"A" * 43 + b"=\n"
    proofs = [b"c2sp.org/tlog-proof@v1\nindex 1\n" + path + b"\n" + note for note in notes]
    return _distinct([*ledger_records(), *keys, *proofs])


def publications() -> list[bytes]:
    """Return signed policies and thaws, of templates."""
    signature = OrderSignature(name="reviewer", key_id="0011aabb", signature=bytes(64))
    found = []
    for name in template_names():
        bundle = load_template(name)
        body = encode_bundle(bundle)
        order = order_of(bundle.state, bundle.version, body, 1_795_500_000, "Order 14")
        signed = SignedPolicy(bundle=body, order=order, signatures=(signature,) * 2)
        found.append(encode_signed_policy(signed))
        thaw = SignedThaw(order=order, signatures=(signature,) * 2)
        found.append(encode_signed_thaw(thaw))
    return found


def certificates() -> list[bytes]:
    """Return certificates of a block and of guarantees, kept and not."""
    probe = CertifiedProbe(agency="XXERO0001", key="DQ", outcome="refused", entry="oh/31")
    block = CertifiedBlock(
        family="US/DHS/ICE", agencies="ICE", authority="Order 14", rule=RuleId("BLOCK-1"),
        effect=Outcome.DENY, since=1_795_500_000, unconfirmed_until=1_795_586_400,
        probes=(probe, probe),
    )  # fmt: skip
    guarantees = tuple(
        CertifiedGuarantee(
            id=each.id, sentence=each.sentence, holds=place % 2 == 0, solver=SecondProof.AGREES,
            examined=9, broken=place % 2,
        )
        for place, each in enumerate(default_guarantees())
    )  # fmt: skip
    alone = CertifiedGuarantee(id="G", sentence="A promise.", holds=True, solver=SecondProof.ALONE)
    made = Certificate(
        version=1, kind=CertificateKind.BLOCK, state=Member("oh"), practice=True,
        at=1_795_500_003, entry="oh/30", policy_version=2, rules=bytes(32),
        families=bytes(range(32)), vocabularies=bytes(32), block=block,
    )  # fmt: skip
    proved = msgspec.structs.replace(
        made, kind=CertificateKind.GUARANTEES, block=None, guarantees=(*guarantees, alone)
    )
    return [
        encode_certificate(
            SignedCertificate(certificate=each, host="practice", signature=bytes(range(64)))
        )
        for each in (made, proved)
    ]


def keeping_records() -> list[bytes]:
    """Return key events, whole and as vectors have them refused, and signed orders."""
    cases = vectors("ledger/documents.json")["cases"]
    events = [case["document"].encode() for case in cases]
    signature = OrderSignature(name="reviewer", key_id="0011aabb", signature=bytes(range(64)))
    orders = []
    for act in OrderAct:
        order = Order(
            state=Member("oh"), act=act, reason=KeepingReason.LITIGATION, at=1_795_500_000
        )
        for change in ({"months": ("2024-10",)}, {"entry": "oh/7"}, {"keep_months": 60}, {}):
            signed = SignedOrder(
                order=msgspec.structs.replace(order, matter="Case 26-1", **change),
                signatures=(signature,),
            )
            try:
                orders.append(encode_signed_order(signed))
            except OrderError:
                continue
    return _distinct([*events, *orders])


def kept_evidence() -> list[bytes]:
    """Return evidence that parcels were signed."""
    opened = open_envelope(envelopes()[0], own_name=SOUTH.name, own_private=SOUTH.opener, book=BOOK)
    return [encode_evidence(evidence(opened, index)) for index, _ in opened.parcels]

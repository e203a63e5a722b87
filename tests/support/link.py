"""Values for tests of the link: two hosts, their keys, and parcels of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from comity.domain.agency import Host
from comity.domain.answer import Answer, Element, HoldNotice, Proof, ResponseKind, Withheld
from comity.domain.decision import Reason, RuleId
from comity.domain.ids import ORI, ExchangeId, HostName, Member, QueryId
from comity.domain.keys import MessageKey
from comity.domain.query import Claims, Exchange
from comity.domain.vocabulary import Assurance, DataClass, FanOut, Outcome, Purpose, RecordKind
from comity.link.parcel import Answered, Ask, Parcel, Received, RefusalCode, Refused

NOW_MS = 1_795_000_000_000
WA, TX, OH = Member("wa"), Member("tx"), Member("oh")


@dataclass(frozen=True)
class HostKeys:
    """A gateway host with its private keys, made from one byte so that every run has the same."""

    name: HostName
    seed: int
    signer: Ed25519PrivateKey = field(init=False)
    opener: X25519PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        signer = Ed25519PrivateKey.from_private_bytes(bytes([self.seed]) * 32)
        opener = X25519PrivateKey.from_private_bytes(bytes([self.seed + 1]) * 32)
        object.__setattr__(self, "signer", signer)
        object.__setattr__(self, "opener", opener)

    @property
    def public(self) -> Host:
        return Host(
            name=self.name,
            verify_key=self.signer.public_key().public_bytes_raw(),
            seal_key=self.opener.public_key().public_bytes_raw(),
        )


@dataclass(frozen=True)
class Book:
    """A directory's part that opening needs: which member certifies which host."""

    hosts: dict[Member, Host]

    def hosts_named(self, name: HostName) -> Sequence[Host]:
        return [host for host in self.hosts.values() if host.name == name]

    def host_of(self, member: Member) -> Host | None:
        return self.hosts.get(member)


WEST = HostKeys(HostName("gateway-west"), 10)
SOUTH = HostKeys(HostName("gateway-south"), 20)
BOOK = Book({WA: WEST.public, TX: SOUTH.public})


class HostSigner:
    """The western host's key, which may be away."""

    def __init__(self) -> None:
        self.is_away = False

    def sign(self, data: bytes, /) -> bytes:
        """Sign. Raises: OSError while the key is away."""
        if self.is_away:
            raise OSError("the key is away")
        return WEST.signer.sign(data)


def make_exchange(number: int = 1, *, state: Member = TX, origin: Member = WA) -> Exchange:
    """An exchange by which a Washington agency asks Texas for a licence."""
    return Exchange(
        exchange_id=ExchangeId(number.to_bytes(16, "big")),
        query_id=QueryId(bytes(15) + b"\x07"),
        state=state,
        origin_member=origin,
        query_entry=f"{origin}/{number}",
        accepted_at=NOW_MS // 1000,
        agency=ORI("WA0170900"),
        key=MessageKey("DQ"),
        original_key=MessageKey("DQ"),
        fields=(("OLN", "PRACTICE123"), ("OLS", "TX")),
        claims=Claims(purpose=Purpose.TRAFFIC_SAFETY, case_number="24-001", operator="OP7"),
        assurance=Assurance.AGENCY_ASSERTED,
        fan_out=FanOut.SINGLE,
    )


def make_answer(number: int = 1, *, state: Member = TX) -> Answer:
    """An answer that releases a status, withholds a photo and holds an address."""
    reason = Reason(rule=RuleId("TX-P01"), sentence="photos need a criminal purpose", mark="P")
    return Answer(
        exchange_id=ExchangeId(number.to_bytes(16, "big")),
        state=state,
        step=0,
        key=MessageKey("DQ"),
        response=ResponseKind.HIT,
        is_final=False,
        record_kind=RecordKind.LICENCE,
        elements=(Element(data_class=DataClass.STATUS, name="DAA", value="VALID"),),
        withheld=(
            Withheld(data_class=DataClass.PHOTO, outcome=Outcome.DENY, reasons=(reason,)),
            Withheld(data_class=DataClass.ADDRESS, outcome=Outcome.HOLD),
        ),
        hold=HoldNotice(until=NOW_MS // 1000 + 3600, contact="555-0100", entry=f"{state}/8"),
        policy_entry=f"{state}/3",
        proofs=(Proof(entry=f"{state}/7", leaf=b"{}", receipt=b"receipt"),),
    )


def asks(count: int) -> list[Parcel]:
    """That many asks of Washington to Texas."""
    return [Ask(exchange=make_exchange(number)) for number in range(1, count + 1)]


def one_of_each() -> list[Parcel]:
    """A parcel of each kind, all from Washington's member host."""
    return [
        Ask(exchange=make_exchange()),
        Answered(origin=TX, answer=make_answer(state=WA)),
        Received(origin=WA, state=TX, answers=((ExchangeId(bytes(16)), 0),)),
        Refused(origin=TX, state=WA, exchange_id=ExchangeId(b"\x01" * 16), code=RefusalCode.BUSY),
    ]

"""What goes wrong, goes wrong safely."""

from __future__ import annotations

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member
from comity.practice.story.teller import (
    ERO,
    POLICE,
    POLICE_LINE,
    Teller,
    expect,
    saw,
)

__all__ = [
    "forged_envelope_refused",
    "frame_repeated",
    "malformed_text_refused",
    "text_and_json_agree",
    "unknown_ori_refused",
]


async def malformed_text_refused(tell: Teller) -> str:
    """A message without its fields gets the network's own error message."""
    message = f"RQ.{POLICE}.OH.*PX00000001.TXT\nLIC/PXH4120.LIT/PC".encode()
    (heard,) = await tell.stage.send(POLICE_LINE, message)
    expect(b"\n.22. " in heard.data, "a registration query without its year was taken")
    return "a plate query without its year got error .22. with the field sets it may have"


async def text_and_json_agree(tell: Teller) -> str:
    """The same query as text and as JSON gets the same decision, and its control field back."""
    query = tell.query(ERO, "DQ", "wa", tell.by_name("wa"))
    text = (await tell.stage.ask(query, form="text"))[0]
    json = tell.keep((await tell.stage.ask(query))[0])
    expect(text.delivery.text.startswith("WA: REFUSED"), "text does not begin with its outcome")
    expect(json.response is ResponseKind.REFUSED, saw(json))
    expect(text.delivery.control == query.control, "the control field came back altered")
    return "ICE asked Washington as text and as JSON: refused both times, control field unchanged"


async def frame_repeated(tell: Teller) -> str:
    """A repeated frame is answered again and recorded once."""
    query = tell.query(POLICE, "DQ", "oh", tell.by_name("oh"))
    first = (await tell.stage.ask(query))[0]
    before = await tell.stage.ledger_size(Member("oh"))
    (again,) = await tell.stage.send(POLICE_LINE, b"", number=tell.stage.last_number(POLICE_LINE))
    expect(again.data == first.data, "a repeated frame got other bytes")
    expect(await tell.stage.ledger_size(Member("oh")) == before, "a repeat made a new leaf")
    return "a repeated frame got the same bytes, and Ohio's ledger did not grow"


async def unknown_ori_refused(tell: Teller) -> str:
    """An agency that nobody lists gets no further."""
    message = f"DQ.ZZ9999999.OH.TXT\nOLN/{tell.anchor('oh').driver.oln}".encode()
    (heard,) = await tell.stage.send(POLICE_LINE, message)
    expect(b"\n.01. " in heard.data, "an unknown agency was taken")
    return "an agency that no member lists got error .01."


async def forged_envelope_refused(tell: Teller) -> str:
    """An envelope under a key that nobody certified is refused; no leaf, no answer."""
    state = Member("oh")
    before = await tell.stage.ledger_size(state)
    query = tell.query(POLICE, "DQ", "oh", tell.by_name("oh"))
    refused = await tell.stage.forge_envelope(query, state)
    expect(refused >= 1, "the gateway did not refuse a forged envelope")
    expect(await tell.stage.ledger_size(state) == before, "a forged query made a leaf")
    return "an envelope signed by a key that nobody certified was refused and left no leaf"

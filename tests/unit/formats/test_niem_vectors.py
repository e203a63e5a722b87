"""NIEM XML by published example and by vector: both ways, and the same as text and JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comity.formats import json as json_format
from comity.formats.delivered import Delivered
from comity.formats.faults import MessageError
from comity.formats.json import delivered as json_delivered
from comity.formats.niem import (
    is_delivered,
    parse_delivered,
    parse_query,
    read_sender,
    render_delivered,
    render_query,
)
from comity.formats.text import render_answer_text
from tests.support.answers import SAMPLES

ROOT = Path(__file__).resolve().parents[3]
VECTORS = json.loads((ROOT / "vectors/formats/niem.json").read_text("utf-8"))
PUBLISHED = {
    (vector["key"], vector["direction"]): vector
    for line in (ROOT / "vectors/nlets-examples.jsonl").read_text("utf-8").splitlines()
    if (vector := json.loads(line))["format"] == "xml"
}
RECORD = (ROOT / "docs/adr/0012-niem-xml.md").read_text("utf-8")
REFERENCE = (ROOT / "docs/reference/messages.md").read_text("utf-8")
TAIL = "\n</n2:NLETSMessageHeader>\n{}\n</n2:NLETS>"


def example(page: str, name: str) -> bytes:
    """An XML example of a document."""
    found = re.search(rf"```xml {name}\n(.*?)\n```", page, re.DOTALL)
    assert found
    return found[1].encode()


def title(case: dict[str, Any]) -> str:
    """How a vector is called."""
    return str(case["id"])


def refusal(data: bytes) -> dict[str, Any]:
    """How a message that asks is refused."""
    with pytest.raises(MessageError) as refused:
        parse_query(data)
    fault = refused.value.fault
    assert fault.original == "".join(c if c.isprintable() else " " for c in data.decode()[:100])
    return {"er": fault.er, "code": fault.code, "options": list(fault.options)}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=title)
def test_queries(case: dict[str, Any]) -> None:
    """Each XML is read as its JSON and written to be read as the same, or refused as it says."""
    data = case["xml"].encode()
    if "error" in case:
        assert refusal(data) == case["error"]
        return
    query = parse_query(data)
    assert msgspec.json.decode(json_format.render_query(query)) == case["json"]
    assert parse_query(render_query(query)) == query
    assert read_sender(data)[0] == query.origin
    assert not is_delivered(data)


@pytest.mark.parametrize("case", VECTORS["delivered"], ids=title)
def test_deliveries(case: dict[str, Any]) -> None:
    """Each XML as delivered is what its JSON is."""
    delivered = parse_delivered(case["xml"].encode())
    assert delivered == json_delivered.parse_delivered(msgspec.json.encode(case["json"]))
    assert parse_delivered(render_delivered(delivered)) == delivered
    assert is_delivered(case["xml"].encode())


@pytest.mark.parametrize("case", VECTORS["delivered"], ids=title)
def test_deliveries_are_written_so(case: dict[str, Any]) -> None:
    """What is ours is written byte for byte as its vector; what was passed over is left out."""
    written = render_delivered(parse_delivered(case["xml"].encode())).decode()
    assert written == re.sub(r"\n<n2:Person .*?</n2:Person>", "", case["xml"])


def test_ids_are_unique() -> None:
    """No two vectors have one id."""
    ids = [case["id"] for case in (*VECTORS["cases"], *VECTORS["delivered"])]
    assert len(ids) == len({*ids})


def test_published_mail_is_read_and_written() -> None:
    """The one example that is printed in full is read, and its body written as it was."""
    raw = PUBLISHED["AM", "input"]["raw"]
    query = parse_query(raw.encode())
    assert (query.key, query.origin, query.destinations) == ("AM", "AZNLETS20", ("IN",))
    assert query.control == "NLETSTEST1"
    body = "* Powered by NLETS\n\nREQUEST FOR STATEWIDE BROADCAST\nTEST MESSAGE"
    assert query.fields == (("", body),)
    written = render_query(query).decode()
    assert parse_query(written.encode()) == query
    # The same but for layout, and for CDATA where the example has none.
    plain = re.sub(r"<!\[CDATA\[(.*?)\]\]>", r"\1", written, flags=re.DOTALL)
    printed = re.sub(r"\s*<!\[CDATA\[(.*?)\]\]>\s*", r"\1", raw)
    assert plain == printed.replace("<n2:MailMessageText>\n", "<n2:MailMessageText>")


def test_published_inquiry_head_is_ours() -> None:
    """The generic message, printed up to its body, is read once it has one and written the same."""
    raw = PUBLISHED["LQ", "input"]["raw"].removesuffix("\n<")
    body = "<n2:NLETSInquiryData><n2:InquiryDescriptionText>X</n2:InquiryDescriptionText>"
    query = parse_query(f"{raw}\n{body}</n2:NLETSInquiryData></n2:NLETS>".encode())
    assert (query.key, query.destinations, query.fields) == ("LQ", ("AZ",), (("", "X"),))
    assert render_query(query).decode().startswith(raw)


def test_published_status_header_is_ours() -> None:
    """The status message, printed up to its header's end, is read and written the same."""
    raw = PUBLISHED["SM", "output"]["raw"].removesuffix("\n</n2:NLETSM")
    body = "<n2:NLETSMailData><n2:StatusMessageText>X</n2:StatusMessageText></n2:NLETSMailData>"
    delivered = parse_delivered((raw + TAIL.format(body)).encode())
    delivery = delivered.delivery
    assert (delivery.key, delivery.origin, delivery.destination, delivery.control) == (
        "SM", "TXDPS0000", "AZNLETS47", "LTN2000157",
    )  # fmt: skip
    assert (delivery.received.count, delivery.sent.count) == (0, 885)
    assert (delivery.sent.date, delivery.sent.time, delivery.text) == ("10/22/2019", "10:35", "X")
    assert render_delivered(delivered).decode().startswith(raw)


def test_published_mail_as_delivered_is_read() -> None:
    """The delivered mail, cut within its header, is read once it is whole and names an agency."""
    raw = PUBLISHED["AM", "output"]["raw"].rstrip()
    rest = "".join(
        f"\n<nh2:{name}>{value}</nh2:{name}>"
        for name, value in (
            ("MessageReceiveTime", "10:35"), ("MessageSendDate", "11/27/2019"),
            ("MessageSendTime", "10:35"), ("ReceiveMessageNumeric", "00000"),
            ("SendMessageNumeric", "00001"),
        )
    )  # fmt: skip
    body = "<n2:NLETSMailData><n2:MailMessageText>X</n2:MailMessageText></n2:NLETSMailData>"
    whole = raw + rest + TAIL.format(body)
    delivery = parse_delivered(whole.replace(">IN<", ">INNLETS20<").encode()).delivery
    assert (delivery.key, delivery.control, delivery.received.date) == (
        "AM", "NLETSTEST1", "11/27/2019",
    )  # fmt: skip
    # As in text and JSON, what is delivered is delivered to an agency, not to a state's code.
    with pytest.raises(MessageError) as refused:
        parse_delivered(whole.encode())
    assert (refused.value.fault.er, refused.value.fault.code) == (".01.", "header-invalid")


@pytest.mark.parametrize("vector", PUBLISHED.values(), ids=lambda v: v["section"])
def test_cut_example_is_malformed(vector: dict[str, Any]) -> None:
    """An example that is printed in part is refused as XML, not half read."""
    if vector["truncated"]:
        error = refusal(vector["raw"].encode())
        assert (error["er"], error["code"]) == (".03.", "xml-malformed")


@pytest.mark.parametrize("page", [RECORD, REFERENCE], ids=["record", "reference"])
def test_documented_query_is_written_so(page: str) -> None:
    """The example of a query is what the code writes, byte for byte."""
    data = example(page, "query")
    assert render_query(parse_query(data)) == data


def test_recorded_delivery_is_written_so() -> None:
    """The example of an answer is what the code writes, byte for byte."""
    data = example(RECORD, "delivered")
    sample = SAMPLES["hit-part-refused"]
    delivery = parse_delivered(data).delivery
    assert delivery.text == render_answer_text(sample)
    assert render_delivered(Delivered(delivery=delivery, answer=sample)) == data


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("<c:State>wa<", "<c:State>zz<"),
        ("<c:Step>0<", "<c:Step>65536<"),
        ("<c:Response>hit<", "<c:Response>perhaps<"),
        ("<c:Response>hit<", "<c:Response> hit<"),
        ("<c:IsFinal>true<", "<c:IsFinal>1<"),
        ('c:class="identity"', 'c:class="mood"'),
        ('c:outcome="deny"', 'c:outcome="maybe"'),
        ('c:image="1"', 'c:image="2"'),
        ('c:image="1"/>', 'c:image="1">A</c:Element>'),
        ("<c:PolicyEntry>wa/77<", "<c:PolicyEntry>wa<"),
        ("<c:Leaf>eyJ2", "<c:Leaf>?yJ2"),
        ("<c:ExchangeId>00", "<c:ExchangeId>0"),
        ("</c:Answer>", "<c:Mood/></c:Answer>"),
        ("</c:Answer>", '</c:Answer><c:Mood xmlns:c="urn:comity:niem:1"/>'),
        ("</c:Answer>", '</c:Answer><c:Fields xmlns:c="urn:comity:niem:1"/>'),
        ("<n2:ResponseText>", "<n2:MailMessageText>X</n2:MailMessageText><n2:ResponseText>"),
        ("n2:ResponseText>", "n2:StandardResponse>"),
        ("<nh2:MessageReceiveTime>10:35<", "<nh2:MessageReceiveTime>25:35<"),
        ("<nh2:SendMessageNumeric>00007<", "<nh2:SendMessageNumeric>x<"),
        ("<nh2:MessageKeyCodeText>DR<", "<nh2:MessageKeyCodeText>dr<"),
        ('n2:key="DR"', 'n2:key="KR"'),
        ("ID>WAOLN0000<", "ID>WAOLN<"),
        ("ID>ORWSP0000<", "ID>ORWSP0000.WAWSP0000<"),
        ("[CDATA[LTN2000157]", "[CDATA[LTN20001578]"),
    ],
)
def test_altered_delivery_is_refused(said: str, instead: str) -> None:
    """A part of a delivery that is not as the schema has it is refused, not read as another."""
    data = example(RECORD, "delivered").decode()
    assert said in data
    with pytest.raises(MessageError) as refused:
        parse_delivered(data.replace(said, instead).encode())
    assert refused.value.fault.code in {"xml-schema", "header-invalid"}


def test_hold_until_no_time_is_refused() -> None:
    """A hold's end that has its form and is no time is refused."""
    held = render_delivered(
        Delivered(
            delivery=parse_delivered(example(RECORD, "delivered")).delivery, answer=SAMPLES["held"]
        )
    )
    assert parse_delivered(held).answer == SAMPLES["held"]
    with pytest.raises(MessageError) as refused:
        parse_delivered(held.replace(b"2026-11-25T", b"2026-13-25T"))
    assert refused.value.fault.code == "xml-schema"


def test_several_things_brought_are_refused() -> None:
    """A delivery brings an answer, the answers of many states, or a fault: one of them."""
    data = example(RECORD, "delivered").decode()
    fault = (
        '<c:Fault xmlns:c="urn:comity:niem:1"><c:Number>0</c:Number><c:Code>x</c:Code>'
        "<c:Text>X</c:Text></c:Fault>"
    )
    with pytest.raises(MessageError) as refused:
        parse_delivered(data.replace("</c:Answer>", f"</c:Answer>{fault}").encode())
    assert (refused.value.fault.er, refused.value.fault.code) == ("0", "body-malformed")

"""NIEM XML against a hostile sender: each is refused with its code, or comes through unharmed."""

from __future__ import annotations

import gc
import random
from pathlib import Path

import pytest

from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.formats.delivered import Delivered
from comity.formats.faults import MessageError
from comity.formats.niem import (
    is_delivered,
    parse_delivered,
    parse_query,
    read_sender,
    render_delivered,
    render_query,
)
from comity.formats.niem.gate import TAG_BYTES_MAX
from comity.formats.niem.schema import DEPTH_MAX
from comity.formats.rules import DELIVERY_BYTES_MAX, MESSAGE_BYTES_MAX
from tests.unit.formats.test_delivered import DELIVERY


def mail(text: str, control: str | None = None) -> Query:
    """An administrative message."""
    return Query(
        key=MessageKey("AM"),
        origin=ORI("ORWSP0000"),
        destinations=("WA",),
        control=control,
        fields=(("", text),),
    )


PLAIN = render_query(mail("TEXT"))
RESPONSE = render_delivered(Delivered(delivery=DELIVERY))
LAUGHS = b"".join(
    [
        b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol">',
        *(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)),
        b"]>",
    ]
)


def code_of(data: bytes) -> str:
    """The code with which both readers refuse bytes, or the test fails."""
    codes = set()
    for parse in (parse_query, parse_delivered):
        with pytest.raises(MessageError) as refused:
            parse(data)
        fault = refused.value.fault
        assert len(fault.original) <= 100
        assert fault.er in {"0", ".03."}
        codes.add(fault.code)
    assert len(codes) == 1
    return codes.pop()


@pytest.mark.parametrize("message", [PLAIN, RESPONSE], ids=["query", "delivered"])
@pytest.mark.parametrize(
    "start",
    [
        LAUGHS,
        b"<!DOCTYPE n2:NLETS>",
        b'<!DOCTYPE n2:NLETS SYSTEM "http://localhost/x.dtd">',
        b'<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        b'<!DOCTYPE l [<!ENTITY % x SYSTEM "http://localhost/x">%x;]>',
        b"<!-- -->",
        b'<?xml-stylesheet href="x"?>',
    ],
)
def test_what_stands_before_the_message_is_forbidden(start: bytes, message: bytes) -> None:
    """A document type of any kind, a comment or an instruction is refused before it is parsed."""
    assert code_of(start + message) == "xml-forbidden"
    assert code_of(b"\n \t" + start + message) in {"xml-forbidden", "xml-malformed"}


@pytest.mark.parametrize("message", [PLAIN, RESPONSE], ids=["query", "delivered"])
@pytest.mark.parametrize(
    ("inside", "code"),
    [
        (b"<!-- -->", "xml-forbidden"),
        (b"<?x y?>", "xml-forbidden"),
        (b"<!DOCTYPE a>", "xml-forbidden"),
        (b'<!ENTITY a "b">', "xml-forbidden"),
        (b"&a;", "xml-malformed"),
        (b"&" + b"a" * 9_000 + b";", "xml-malformed"),
        (b"&#0;", "xml-malformed"),
        (b"&#xFFFF;", "xml-malformed"),
        (b"\x00", "xml-malformed"),
        (b"\x0b", "xml-malformed"),
        (b"\xff", "xml-malformed"),
        (b"\xed\xa0\x80", "xml-malformed"),
        (b"\xc3", "xml-malformed"),
        (b"]]>", "xml-malformed"),
        (b"<![CDATA[", "xml-malformed"),
        (b"<", "xml-malformed"),
        (b"</n2:NLETS>", "xml-malformed"),
    ],
)
def test_what_stands_within_is_refused(inside: bytes, code: str, message: bytes) -> None:
    """Markup of other kinds, entities, broken UTF-8 and barred characters are refused."""
    place = message.index(b"WA") + 1
    assert code_of(message[:place] + inside + message[place:]) == code
    assert code_of(message + inside) in {"xml-malformed", "xml-forbidden"}


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"])
def test_other_encodings_are_refused(codec: str) -> None:
    """No encoding but UTF-8 and US-ASCII is read, declared or not."""
    declared = f'<?xml version="1.0" encoding="{codec}"?>'
    if codec != "utf-7":
        assert code_of(PLAIN.decode().encode(codec)) == "xml-malformed"
        assert code_of((declared + PLAIN.decode()).encode(codec)) == "xml-malformed"
    assert code_of(declared.encode() + PLAIN) == "xml-malformed"


@pytest.mark.parametrize(
    "start",
    [
        b"\xef\xbb\xbf",
        b'<?xml version="1.0"?>',
        b"<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\r\n",
        b'<?xml version="1.0" encoding="us-ascii"?>',
        b"\n\n",
    ],
)
def test_two_encodings_are_read(start: bytes) -> None:
    """UTF-8 and US-ASCII are read as declared, with a byte order mark or without."""
    assert parse_query(start + PLAIN) == mail("TEXT")


def test_sizes_are_checked_before_parsing() -> None:
    """At its limit a message is read; one byte beyond, and at 10 MB, it is too long."""
    room = (
        MESSAGE_BYTES_MAX
        - len(render_query(mail("")))
        - len(b"<n2:MailMessageText><![CDATA[]]></n2:MailMessageText>\n")
    )
    data = render_query(mail("A" * room))
    assert len(data) == MESSAGE_BYTES_MAX
    assert parse_query(data) == mail("A" * room)
    for longer in (render_query(mail("A" * (room + 1))), PLAIN + b" " * 10_000_000):
        with pytest.raises(MessageError) as refused:
            parse_query(longer)
        assert refused.value.fault.code == "message-too-long"
        assert refused.value.fault.er == "0"
    room = DELIVERY_BYTES_MAX - len(RESPONSE)
    at_limit = RESPONSE.replace(b"WA: ", b"WA: " + b"A" * room)
    assert len(at_limit) == DELIVERY_BYTES_MAX
    assert len(parse_delivered(at_limit).delivery.text) == len(DELIVERY.text) + room
    assert code_of(at_limit + b" ") == "message-too-long"


@pytest.mark.parametrize("deep", [b"<n2:Person>", b"<x>"])
def test_depth_is_bounded(deep: bytes) -> None:
    """At its limit a delivery is as deep as it may be; beyond it, and at 100,000, it is refused."""
    ends = b"</" + deep[1:]

    def nested(count: int) -> bytes:
        inner = deep * count + ends * count
        return RESPONSE.replace(b"</n2:ResponseText>", b"</n2:ResponseText>" + inner)

    assert parse_delivered(nested(DEPTH_MAX - 2)).delivery == DELIVERY
    with pytest.raises(MessageError) as refused:
        parse_delivered(nested(DEPTH_MAX - 1))
    assert refused.value.fault.code == "xml-malformed"
    for data in (nested(40_000), b"<x>" * 100_000 + b"</x>" * 100_000):
        with pytest.raises(MessageError):
            parse_delivered(data)
    with pytest.raises(MessageError):
        parse_query(deep * 1_000 + ends * 1_000)


@pytest.mark.parametrize(
    "attribute",
    [
        'xsi:schemaLocation="urn:x file:///etc/hostname"',
        'xsi:noNamespaceSchemaLocation="http://localhost/x.xsd"',
        'xsi:nil="true"',
        'xsi:type="xs:string"',
    ],
)
def test_schema_instance_attributes_are_forbidden(attribute: str) -> None:
    """No attribute is read that would make a validator open something, or see another type."""
    uri = "http://www.w3.org/2001/XMLSchema-instance"
    for namespace in (uri, uri.replace(":", "&#58;")):
        added = f' xmlns:xsi="{namespace}" {attribute} n2:version'.encode()
        for data in (PLAIN, RESPONSE):
            changed = data.replace(b" n2:version", added)
            with pytest.raises(MessageError) as refused:
                (parse_query if data is PLAIN else parse_delivered)(changed)
            assert refused.value.fault.er == ".03."
            if namespace == uri or data is RESPONSE:
                assert refused.value.fault.code == "xml-forbidden"


CONTROLS = ["<&>\"'", "]]>", "a]]>b", " a ", "  ", "&lt;", "&#38;", "<![CDATA[", "--><x/>", "\\\\"]


@pytest.mark.parametrize("control", CONTROLS)
def test_control_field_is_echoed_unchanged(control: str) -> None:
    """A control field of any printable characters comes back as it was, and opens nothing."""
    data = render_query(mail("TEXT", control))
    assert parse_query(data) == mail("TEXT", control)
    assert read_sender(data) == ("ORWSP0000", control)
    assert data.count(b"<nh2:") == data.count(b"</nh2:") == 4


@pytest.mark.parametrize(
    "text",
    [
        "]]>",
        "]]>]]><![CDATA[",
        "</n2:MailMessageText><n2:StatusMessageText>X",
        "<!DOCTYPE a [<!ENTITY b 'c'>]>&b;",
        "<!-- --> <?x?> &amp; &#65;",
        " leading and trailing ",
        "a]",
        "a\n\n  b",
        "<nh2:MessageReceiveDate>",
        "&#xD;&#13;",
    ],
)
def test_free_text_opens_nothing(text: str) -> None:
    """Free text that looks like markup, or ends a section, comes back as it was."""
    assert parse_query(render_query(mail(text))) == mail(text)
    assert not is_delivered(render_query(mail(text)))


def test_names_open_nothing() -> None:
    """A value cannot close its element: what it would open is its text, and refused as a value."""
    fields = (("NAM", "DOE</nc:PersonFullName><x/>,A"), ("DOB", "19800229"), ("SEX", "F"))
    query = Query(
        key=MessageKey("DQ"), origin=ORI("ORWSP0000"), destinations=("WA",), fields=fields
    )
    data = render_query(query)
    assert b"<x/>" not in data
    with pytest.raises(MessageError) as refused:
        parse_query(data)
    assert refused.value.fault.code == "field-invalid"


@pytest.mark.parametrize(
    "control", [b"1234567890", b"<![CDATA[A]]>", b"A\n<![CDATA[B]]>", b"", b"&x;"]
)
def test_sender_of_a_broken_message_is_read(control: bytes) -> None:
    """Who sent a message is read from one that is not well-formed, its control field if it can."""
    data = (
        b"<n2:NLETS><nh2:OriginatingORIID>ORWSP0000</nh2:OriginatingORIID>"
        b"<nh2:DocumentControlFieldText>" + control + b"</nh2:DocumentControlFieldText>"
    )
    sender, echoed = read_sender(data)
    assert sender == "ORWSP0000"
    assert echoed in {"1234567890", "A", None}
    assert read_sender(b"<n2:NLETS>") == (None, None)


def junk(seed: int) -> bytes:
    """A message made of what the XML library would remember: names, namespaces, white space."""
    chance = random.Random(seed)
    names = [f"n{chance.getrandbits(160):x}".encode() for _ in range(200)]
    blanks = ["".join(chance.choices(" \t\n", k=58)).encode() for _ in range(150)]
    match seed % 3:
        case 0:
            return b"<a>" + b"".join(b"<%b/>" % name for name in names) + b"</a>"
        case 1:
            return b"<a>" + b"".join(b'<a xmlns:b="%b"/>' % name for name in names) + b"</a>"
        case _:
            return b"<n2:NLETS>" + b"".join(b"<nc:Date>%b</nc:Date>" % blank for blank in blanks)


def resident_kb() -> int:
    """How much memory this process holds."""
    (line,) = [
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmRSS")
    ]
    return int(line.split()[1])


def test_refused_messages_leave_no_memory_behind() -> None:
    """Hundreds of messages made of new names cost no memory: the library never sees them."""

    def refuse_all(seeds: range) -> None:
        for seed in seeds:
            with pytest.raises(MessageError):
                parse_query(junk(seed))

    refuse_all(range(60))
    gc.collect()
    before = resident_kb()
    refuse_all(range(60, 1_260))
    gc.collect()
    # Remembered, these messages would hold 15 MB.
    assert resident_kb() - before < 4_000


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (b"nh2", b"header"),
        (b"n2:MailMessageText", b"nlets:MailMessageText"),
        (b" n2:version", b' xmlns="urn:x" n2:version'),
        (b" n2:version", b' xmlns:header="urn:comity:niem:1" n2:version'),
        (b" n2:version", b' header:key="AM" n2:version'),
        (b" n2:version", b" n2:versions"),
    ],
)
def test_names_are_few(said: bytes, instead: bytes) -> None:
    """A prefix of many letters, a namespace and an attribute of one's own are refused as names."""
    with pytest.raises(MessageError) as refused:
        parse_query(PLAIN.replace(said, instead))
    assert refused.value.fault.code == "xml-schema"


def test_what_is_not_read_is_neither_asked_nor_delivered() -> None:
    """Which of the two a document is, is not said of one that is not read."""
    with pytest.raises(MessageError) as refused:
        is_delivered(LAUGHS + PLAIN)
    assert refused.value.fault.code == "xml-forbidden"
    assert refused.value.fault.original.startswith("<?xml")


def test_tag_is_bounded() -> None:
    """At its limit a tag is read; one byte beyond, it is refused."""
    tag = b"<n2:MailMessageText>"
    for extra, is_read in ((0, True), (1, False)):
        longer = tag[:-1] + b" " * (TAG_BYTES_MAX - len(tag) + extra) + b">"
        data = PLAIN.replace(tag, longer)
        if is_read:
            assert parse_query(data) == mail("TEXT")
            continue
        with pytest.raises(MessageError) as refused:
            parse_query(data)
        assert refused.value.fault.code == "xml-schema"

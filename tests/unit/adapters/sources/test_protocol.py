"""The source protocol: the documents' examples, and what of a result counts."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import msgspec
import pytest

from comity.adapters.sources.elements import shipped_elements
from comity.adapters.sources.protocol import MATCHES_MAX, encode_lookups, read_results
from comity.adapters.sources.terms import parse_sources
from comity.domain.answer import Element
from comity.domain.ids import ORI, Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass, RecordKind
from comity.ports import Lookup, Record, SourceError

DOCS = Path(__file__).parents[4] / "docs"
PROTOCOL = (DOCS / "reference" / "source-protocol.md").read_text("utf-8")
HOWTO = (DOCS / "howto" / "connect-a-web-service.md").read_text("utf-8")
STATUS = '{"class":"status","name":"LICENSE_STATUS","value":"VALID"}'


def block(text: str, kind: str) -> str:
    """A document's example."""
    found = re.search(rf"(?ms)^ *```\w+ {kind}\n(.*?)^ *```", text)
    assert found is not None
    return found[1]


def result(record: str) -> Record | SourceError | None:
    """What one record's JSON is read as."""
    reply = f'{{"version":1,"results":[{{"place":0,"record":{record}}}]}}'
    (found,) = read_results(reply.encode(), 1, shipped_elements())
    return found


def test_request_is_the_documented_one() -> None:
    """What is posted is the page's example, member for member."""
    asker = ORI("TXPX00001")
    lookups = [
        Lookup(
            state=Member("wa"),
            key=MessageKey("DQ"),
            fields=(("OLN", "PX000204K7"), ("IMQ", "Y")),
            agency=asker,
        ),
        Lookup(
            state=Member("wa"),
            key=MessageKey("RQ"),
            fields=(("LIC", "PXA1"), ("LIT", "PC"), ("LIY", "2027")),
            agency=asker,
        ),
    ]
    assert json.loads(encode_lookups(lookups)) == json.loads(block(PROTOCOL, "request"))


def test_documented_reply_is_read() -> None:
    """The page's example has a record with its photo, and none."""
    found, none = read_results(block(PROTOCOL, "reply").encode(), 2, shipped_elements())
    assert isinstance(found, Record)
    assert [e.data_class for e in found.elements] == [
        DataClass.STATUS,
        DataClass.IDENTITY,
        DataClass.PHOTO,
    ]
    assert none is None


def test_documented_sources_file_is_one() -> None:
    """The howto's example is read, and its table names the defaults of today."""
    file = parse_sources(block(HOWTO, "sources").encode(), Path("/practice"))
    terms = file.source["dmv"]
    rows = re.findall(r"(?m)^\| (`[^|]*`) \| ([^|]*) \|", HOWTO.partition("## Limits")[2])
    told: dict[str, float] = {}
    for names, values in rows:
        parts = zip(re.findall(r"`(\w+)`", names), values.split(", "), strict=True)
        told |= {name: float(value.replace(",", "")) for name, value in parts}
    numbers = {
        name: float(value)
        for name, value in msgspec.structs.asdict(terms).items()
        if isinstance(value, int | float)
    }
    assert told == numbers


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ("null", None),
        ('{"kind":"licence"}', Record(kind=RecordKind.LICENCE, elements=())),
        (
            f'{{"kind":"title","matches":{MATCHES_MAX},"elements":[{STATUS}]}}',
            Record(
                kind=RecordKind.TITLE,
                elements=(
                    Element(data_class=DataClass.STATUS, name="LICENSE_STATUS", value="VALID"),
                ),
                matches=MATCHES_MAX,
            ),
        ),
        (
            '{"kind":"other","text":"A\\nB"}',
            Record(kind=RecordKind.OTHER, elements=(), text="A\nB"),
        ),
    ],
)
def test_a_record_in_form_is_read(record: str, found: Record | None) -> None:
    """Elements, text, a record that is empty, and none."""
    assert result(record) == found


@pytest.mark.parametrize("record", [b'{"kind":"\xff"}', b'{"kind":' + b"[" * 100_000])
def test_bytes_that_no_text_has_are_an_error_of_their_own(record: bytes) -> None:
    """Broken UTF-8 and values nested too deep are an error of the source, and nothing else."""
    whole = b'{"version":1,"results":[{"place":0,"record":' + record + b"}]}"
    with contextlib.suppress(SourceError):
        (found,) = read_results(whole, 1, shipped_elements())
        assert isinstance(found, SourceError)
    with pytest.raises(SourceError):
        read_results(record, 1, shipped_elements())


@pytest.mark.parametrize(
    "record",
    [
        "{}",
        "[]",
        '""',
        "false",
        '{"kind":"spaceship"}',
        '{"kind":"licence","colour":"red"}',
        '{"kind":"licence","matches":0}',
        f'{{"kind":"licence","matches":{MATCHES_MAX + 1}}}',
        '{"kind":"licence","matches":1.5}',
        '{"kind":"licence","text":" \\n"}',
        f'{{"kind":"licence","text":"A","elements":[{STATUS}]}}',
        '{"kind":"licence","elements":[{"class":"status","name":"LICENSE_STATUS"}]}',
        '{"kind":"licence","elements":[{"class":"status","name":"NO_SUCH_NAME","value":""}]}',
        '{"kind":"licence","elements":[{"class":"status","name":"STREET","value":""}]}',
        '{"kind":"licence","elements":[{"class":"boat","name":"LICENSE_STATUS","value":""}]}',
        f'{{"kind":"licence","elements":[{STATUS[:-1]},"note":""}}]}}',
        '{"kind":"licence","elements":[{"class":"status","name":"LICENSE_STATUS","value":1}]}',
    ],
)
def test_a_record_out_of_form_is_unknown(record: str) -> None:
    """INVARIANT (fail-closed): what is not wholly understood is an error, and never "no record"."""
    assert isinstance(result(record), SourceError)

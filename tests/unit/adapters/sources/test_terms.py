"""The sources file: what it may say, and that anything else stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from comity.adapters.errors import SourcesFileError
from comity.adapters.sources.elements import ELEMENT_NAMES_MAX, element_classes, shipped_elements
from comity.adapters.sources.terms import (
    SOURCES_FILE_BYTES_MAX,
    SourcesFile,
    parse_sources,
    read_sources,
)
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass
from comity.practice.tables import element_rows

FOLDER = Path("/practice")
PLAIN = """
version = 1

[source.dmv]
url = "https://dmv.practice.invalid/v1/lookups"
ca_file = "dmv-ca.pem"
certificate_file = "gateway.pem"
key_file = "/practice-keys/gateway.key"
token_file = "dmv-token"
requests_max = 4

[source.dmv.elements]
HULL_NUMBER = "vehicle"

[[route]]
states = ["wa"]
source = "dmv"

[[route]]
states = ["wa", "or"]
keys = ["RQ", "other"]
source = "built_in"
"""


def parse(text: str = PLAIN) -> SourcesFile:
    return parse_sources(text.encode(), FOLDER)


def test_a_file_is_read_whole() -> None:
    """Terms with their defaults, paths from the file's own folder, routes by state and key."""
    file = parse()
    terms = file.source["dmv"]
    assert (terms.requests_max, terms.lookups_max, terms.total_s) == (4, 256, 8.0)
    assert terms.ca_file == FOLDER / "dmv-ca.pem"
    assert terms.token_file == FOLDER / "dmv-token"
    assert terms.key_file == Path("/practice-keys/gateway.key")
    assert terms.elements == {"HULL_NUMBER": DataClass.VEHICLE}
    assert [list(route.places()) for route in file.route] == [
        [(Member("wa"), None)],
        [
            (Member("wa"), MessageKey("RQ")),
            (Member("wa"), MessageKey("other")),
            (Member("or"), MessageKey("RQ")),
            (Member("or"), MessageKey("other")),
        ],
    ]
    assert file.otherwise == ""
    assert parse("version = 1").route == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version = 1", "version = 2"),
        ("version = 1", "version = 1\nretries = 3"),
        ("version = 1", 'version = 1\notherwise = "dmv"'),
        ("version = 1", "version ="),
        ("[source.dmv]", "[source.built_in]"),
        ("[source.dmv]", '[source."a b"]'),
        ("https://", "http://"),
        ("https://", "ftp://"),
        ("https://dmv", "https://user:word@dmv"),
        ("/v1/lookups", "/v1?state=wa"),
        ("/v1/lookups", "/v1#wa"),
        ("dmv.practice.invalid", ""),
        ("dmv.practice.invalid", "dmv.practice.invalid:0"),
        ("dmv.practice.invalid", "dmv.practice.invalid:99999"),
        ("dmv.practice.invalid", "[::1"),
        ('ca_file = "dmv-ca.pem"', ""),
        ('"dmv-ca.pem"', '""'),
        ('"dmv-ca.pem"', "7"),
        ('key_file = "/practice-keys/gateway.key"', ""),
        ("requests_max = 4", "requests_max = 0"),
        ("requests_max = 4", "requests_max = 65"),
        ("requests_max = 4", "total_s = 9.1"),
        ("requests_max = 4", "total_s = 1"),
        ("requests_max = 4", "read_s = 8.5"),
        ("requests_max = 4", "rest_s = 61"),
        ("requests_max = 4", "retries = 3"),
        ('"vehicle"', '"boat"'),
        ('states = ["wa"]\n', "states = []\n"),
        ('states = ["wa"]\n', 'states = ["zz"]\n'),
        ('states = ["wa"]\n', 'states = ["or", "or"]\n'),
        ('states = ["wa", "or"]\nkeys = ["RQ", "other"]', 'states = ["wa"]'),
        ('keys = ["RQ", "other"]', 'keys = ["ZZZ"]'),
        ('source = "dmv"', 'source = "dnv"'),
        ('source = "dmv"', 'source = "built_in"'),
    ],
)
def test_anything_else_is_refused(old: str, new: str) -> None:
    """A misspelt member, an open line, an unused source, two routes for a key: none is guessed."""
    assert old in PLAIN
    with pytest.raises(SourcesFileError):
        parse(PLAIN.replace(old, new, 1))


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000"])
def test_this_machine_may_be_spoken_to_in_the_clear(host: str) -> None:
    """For practice; certificates have no place there."""
    route = '[[route]]\nstates = ["wa"]\nsource = "dmv"\n'
    terms = f'version = 1\n[source.dmv]\nurl = "http://{host}/v1/lookups"\n'
    assert parse(terms + route).source["dmv"].ca_file is None
    for more in ('ca_file = "a"\n', 'certificate_file = "a"\nkey_file = "a"\n'):
        with pytest.raises(SourcesFileError):
            parse(terms + more + route)


def test_a_file_has_a_longest_length(tmp_path: Path) -> None:
    """At its limit it is read, one byte beyond it is not; nor is one that is not there."""
    text = "version = 1\n#"
    file = tmp_path / "sources.toml"
    file.write_text(text + "a" * (SOURCES_FILE_BYTES_MAX - len(text)))
    assert read_sources(file).version == 1
    for wrong in (file, tmp_path / "not-there.toml"):
        if wrong is file:
            file.write_text(text + "a" * (SOURCES_FILE_BYTES_MAX - len(text) + 1))
        with pytest.raises(SourcesFileError):
            read_sources(wrong)


def test_every_practice_element_stands_under_its_class() -> None:
    """What practice records are made of is what a source may answer with."""
    shipped = shipped_elements()
    assert {name: shipped.get(name) for name in element_rows()} == {
        name: row.data_class for name, row in element_rows().items()
    }


def test_a_state_adds_names_and_moves_none() -> None:
    """A new name gets its class; one of the table keeps its own; there is an end of them."""
    added = element_classes({"HULL_NUMBER": DataClass.VEHICLE})
    assert added["HULL_NUMBER"] is DataClass.VEHICLE
    assert added["SSN"] is DataClass.SSN
    full = {f"N{number}": DataClass.STATUS for number in range(ELEMENT_NAMES_MAX)}
    assert len(element_classes(full)) == ELEMENT_NAMES_MAX + len(shipped_elements())
    for wrong in (
        {"SSN": DataClass.STATUS},
        {"hull": DataClass.VEHICLE},
        {"A" * 41: DataClass.VEHICLE},
        {**full, "MORE": DataClass.STATUS},
    ):
        with pytest.raises(SourcesFileError):
            element_classes(wrong)

"""Tables of agencies: what is written, what is read, and where a fault stands."""

from __future__ import annotations

import csv
import io

import pytest

from comity.directory.errors import TableError
from comity.directory.limits import (
    PART_AGENCIES_MAX,
    TABLE_CHARS_MAX,
    TABLE_DOTS_MAX,
    TABLE_FAULTS_MAX,
)
from comity.directory.tables import (
    COLUMNS,
    TableForm,
    encode_csv,
    encode_table,
    encode_toml,
    parse_csv,
    parse_table,
    parse_toml,
)
from comity.domain.agency import Acting, ActsFor, Agency, Family, Form
from comity.domain.ids import ORI
from tests.support.directory import AUSTIN, LUBBOCK, agency

FULL = agency(
    LUBBOCK,
    "TX/LOCAL",
    name='Example, "County" Police',
    active=False,
    lines=("line-1", "line-2"),
    is_control=True,
    form=Form.NIEM,
    place="Example",
    acts_for=(
        ActsFor(family=Family("US/DHS/ICE"), how=Acting.CROSS_DESIGNATED),
        ActsFor(family=Family("US/DOJ"), how=Acting.RELAY),
    ),
)
AGENCIES = (agency(AUSTIN, "TX/LOCAL"), FULL)
ACTS = "US/DHS/ICE:cross_designated US/DOJ:relay"
HEAD = "ori,name,family,type"
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
ROW = "TX2270100,Practice Agency,TX/LOCAL,pd"


def faults_of(text: str, form: TableForm = TableForm.CSV) -> list[tuple[int, str]]:
    """The line and column of each fault."""
    with pytest.raises(TableError) as caught:
        parse_table(text, form)
    return [(fault.line, fault.column) for fault in caught.value.faults]


def test_columns_are_all_fields() -> None:
    """A field that an agency has is a column of its table."""
    assert set(COLUMNS) == set(Agency.__struct_fields__)


def test_csv_of_agencies() -> None:
    """A head of names, then a line each; what holds a comma or a quote is quoted."""
    second = 'TX1520100,"Example, ""County"" Police",TX/LOCAL,pd,Example,555-0100'
    assert encode_csv(AGENCIES).split("\r\n") == [
        "ori,name,family,type,place,phone,lines,form,active,is_control,small,acts_for",
        "TX2270100,Practice Agency,TX/LOCAL,pd,,555-0100,line-1,text,yes,no,no,",
        f"{second},line-1 line-2,niem,no,yes,no,{ACTS}",
        "",
    ]


def test_toml_of_agencies() -> None:
    """A table each; defaults are left out."""
    assert encode_toml(AGENCIES[:1]) == (
        '[[agency]]\nori = "TX2270100"\nname = "Practice Agency"\nfamily = "TX/LOCAL"\n'
        'type = "pd"\nphone = "555-0100"\nlines = ["line-1"]\n'
    )
    assert encode_toml(()) == ""


@pytest.mark.parametrize("form", TableForm)
def test_what_is_written_is_read_again(form: TableForm) -> None:
    """All fields, in the same order; and an empty table."""
    assert parse_table(encode_table(AGENCIES, form), form) == AGENCIES
    assert parse_table(encode_table((), form), form) == ()


def test_csv_as_people_and_spreadsheets_write_it() -> None:
    """Columns in any order, a byte order mark, blank rows, empty cells, other line ends."""
    text = (
        "\ufeffName,ORI,type,Family,active,form\n"
        "Practice Agency,TX2270100,PD,TX/LOCAL,Yes,\n"
        "\n,,,,,\n"
        "Other Agency,TX1520100, so ,TX/LOCAL,NO,Json"
    )
    first, second = parse_csv(text)
    assert first == agency(AUSTIN, "TX/LOCAL", lines=(), phone="")
    assert (second.active, second.form, second.type) == (False, Form.JSON, "so")


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''=1", " =1", "\uff1d1", "'", "'Plain", "A=1", "' x"],
)
def test_no_cell_is_a_formula(name: str) -> None:
    """What a spreadsheet could calculate stands behind an apostrophe, and comes back without it."""
    found = agency(AUSTIN, "TX/LOCAL", name=name, phone="+1 555-0100")
    text = encode_csv([found])
    (row,) = list(csv.reader(io.StringIO(text)))[1:]
    assert not any(
        cell.lstrip()[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20") for cell in row if cell
    )
    assert parse_csv(text) == (found,)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", [(1, "ori"), (1, "name"), (1, "family"), (1, "type")]),
        ("ori,name,type\n", [(1, "family")]),
        (f"{HEAD},colour\n{ROW},red\n", [(1, "")]),
        (f"{HEAD},ori\n{ROW},TX2270100\n", [(1, "")]),
        (f"{HEAD}\n{ROW}\nTX1520100,Name\n", [(3, "")]),
        (f'{HEAD}\n{ROW}\n"TX1520100,Name', [(3, "")]),
        (f"{HEAD}\n{ROW}\n{ROW}\n", [(3, "ori")]),
        (f"{HEAD}\nTX227010,A,tx/local,xx\n", [(2, "type")]),
        (f"{HEAD}\nTX227010,,tx/local,pd\n", [(2, "ori"), (2, "name"), (2, "family")]),
        (f"{HEAD},active,form\n{ROW},maybe,xml\n", [(2, "form"), (2, "active")]),
        (f"{HEAD},acts_for\n{ROW},US/DHS/ICE\n", [(2, "acts_for")]),
        (f"{HEAD},acts_for\n{ROW},us/dhs:relay\n", [(2, "acts_for")]),
        (f"{HEAD},acts_for\n{ROW},TX/LOCAL:relay\n", [(2, "acts_for")]),
        (f"{HEAD},acts_for\n{ROW},US/DHS:relay US/DHS:cross_designated\n", [(2, "acts_for")]),
        (
            f"{HEAD},place,phone,lines\n{ROW},A,call me,A_B\n",
            [(2, "lines"), (2, "phone"), (2, "place")],
        ),
        (
            f'{HEAD}\n"TX2270100","A\nB",TX/LOCAL,pd\nTX1520100,A,TX/LOCAL,x\n',
            [(2, "name"), (4, "type")],
        ),
    ],
)  # fmt: skip
def test_a_fault_of_a_csv_has_its_line_and_column(text: str, where: list[tuple[int, str]]) -> None:
    """Each fault of a table is told, by the line that its row begins on."""
    assert sorted(faults_of(text)) == sorted(where)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("agency = 1\n", [(1, "")]),
        ("[[agency]]\nori = \n", [(2, "")]),
        ("[[agency]]\n[other]\n", [(1, "")]),
        ('[[agency]]\nori = "TX2270100"\n', [(1, "name"), (1, "family"), (1, "type")]),
        (encode_toml(AGENCIES) + "colour = 1\n", [(9, "")]),
        (encode_toml(AGENCIES).replace('"Example"', '"E"'), [(14, "place")]),
        (encode_toml(AGENCIES).replace("false", '"no"'), [(18, "active")]),
        (encode_toml(AGENCIES).replace('"niem"', "1979-05-27"), [(17, "form")]),
        (encode_toml(AGENCIES).replace('"line-2"', "2"), [(16, "lines")]),
        (encode_toml(AGENCIES).replace(":relay", ":friend"), [(20, "acts_for")]),
        (encode_toml((*AGENCIES, AGENCIES[0])), [(23, "ori")]),
        ("a = " + "[" * 3_000, [(1, "")]),
        ("\na = " + "9" * 5_000, [(2, "")]),
        ("\na" + ".a" * 20_000 + " = 1", [(2, "")]),
    ],
)
def test_a_fault_of_a_toml_has_its_line_and_column(text: str, where: list[tuple[int, str]]) -> None:
    """By the line of its key, or that of its table's head."""
    found = faults_of(text, TableForm.TOML)
    assert [column for _, column in found] == [column for _, column in where]
    assert [line for line, _ in found] == [line for line, _ in where]


def test_lines_are_not_guessed() -> None:
    """Where the text does not show plainly which table is which, a fault is told of the first."""
    text = 'agency = [{ori = "TX2270100", name = "A", family = "TX/LOCAL", type = "xx"}]'
    assert faults_of(text, TableForm.TOML) == [(1, "type")]


def test_a_fault_shows_no_value() -> None:
    """The text says what would be right."""
    with pytest.raises(TableError) as caught:
        parse_csv(f"{HEAD}\nTX2270100,Jane Doe,TX/LOCAL,secret\n")
    assert str(caught.value).startswith("line 2, `type`: it is none of pd, so, ")
    assert "secret" not in str(caught.value)


def test_faults_are_told_up_to_a_limit() -> None:
    """Of more, how many there are."""
    rows = "".join(f"TX{n:07},A,TX/LOCAL,xx\n" for n in range(TABLE_FAULTS_MAX + 1))
    with pytest.raises(TableError) as caught:
        parse_csv(f"{HEAD}\n{rows}")
    assert len(caught.value.faults) == TABLE_FAULTS_MAX
    assert str(caught.value).endswith(f"; {TABLE_FAULTS_MAX} more")


def test_the_limit_of_agencies() -> None:
    """As many as a part may have; one more is a fault of its line."""
    rows = [f"TX{n:07},A,TX/LOCAL,pd" for n in range(PART_AGENCIES_MAX + 1)]
    full = "\n".join([HEAD, *rows[:-1]])
    assert len(parse_csv(full)) == PART_AGENCIES_MAX
    assert faults_of("\n".join([HEAD, *rows])) == [(PART_AGENCIES_MAX + 2, "")]


@pytest.mark.parametrize("form", TableForm)
def test_the_limit_of_a_table(form: TableForm) -> None:
    """At the limit of characters it is read; beyond it, refused before it is."""
    start, filler = ("# ", "x") if form is TableForm.TOML else (f"{HEAD}\n", "\n")
    text = start + filler * (TABLE_CHARS_MAX - len(start))
    assert parse_table(text, form) == ()
    with pytest.raises(TableError):
        parse_table(text + "\n", form)


def test_an_oversized_cell_is_a_fault() -> None:
    """It is no crash of the reader."""
    assert faults_of(f"{HEAD}\n{'A' * 200_000},A,TX/LOCAL,pd\n") == [(2, "")]


def test_toml_by_hand() -> None:
    """Comments, other strings and inline lists are TOML too."""
    text = (
        "# Practice.\n[[ agency ]]\nori = 'TX2270100' # own\nname = '''A'''\n"
        'family = "TX/LOCAL"\ntype = "pd"\nlines = ["a",\n "b"]\nactive = true\n'
    )
    (found,) = parse_toml(text)
    assert (found.ori, found.lines) == (ORI("TX2270100"), ("a", "b"))


@pytest.mark.parametrize("more", [0, 1])
def test_the_limit_of_a_key(more: int) -> None:
    """At the limit a key of many parts is one that no agency has; beyond it, it is not read."""
    with pytest.raises(TableError) as caught:
        parse_toml("a" + ".a" * (TABLE_DOTS_MAX + more) + " = 1")
    assert (caught.value.faults[0].text == "a key has too many parts") is bool(more)


@pytest.mark.parametrize(
    "name", ['"{}"', "'{}'", '"\\"{}"', '"""{}"""', '""""{}"""', "'''{}'''", '"a" # {}']
)
def test_dots_within_strings_are_no_parts(name: str) -> None:
    """A value may hold any dots, in a string of any kind, and so may a comment."""
    dots = "." * (TABLE_DOTS_MAX + 1)
    row = f"[[agency]]\nori = 'TX2270100'\nname = {name}\nfamily = 'TX/LOCAL'\ntype = 'pd'\n"
    (found,) = parse_toml(row.format(dots))
    assert found.name.strip('"') in {"a", dots}

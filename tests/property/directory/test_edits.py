"""What holds of every change: a part made by messages is one that its member may publish."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from comity.directory.diff import diff_parts
from comity.directory.directory import Directory
from comity.directory.edit import EDIT_KEYS, apply_edit, has_editor, parse_edit
from comity.directory.errors import DirectoryError, TableError
from comity.directory.part import part_body, sign_part, verify_part
from comity.directory.ranges import check_part
from comity.directory.tables import TableForm, encode_table, parse_table
from comity.domain.agency import Agency, Form, parse_family
from comity.domain.ids import ORI
from comity.domain.vocabulary import AgencyType
from tests.support.directory import DAYTON, TX, agency, make_part, ohio, signer_of, trust

PATROL = ORI("TXDPS0000")
FIRST = make_part(TX, agency(PATROL, "TX/STATE", is_control=True))
SENDERS = st.sampled_from([PATROL, PATROL, PATROL, ORI("TX0000001"), DAYTON])
ORIS = st.sampled_from(
    [PATROL, DAYTON, *(f"TX000000{n}" for n in range(4)), "TXLIC0000", "TXLICHELP", "OH0000001"]
)
VALUES = {
    "AGN": st.text(max_size=125) | st.just("EXAMPLE POLICE"),
    "LOC": st.text(max_size=22) | st.just("EXAMPLE"),
    "TYP": st.sampled_from(["PD", "SA", "NJ", "XX", "00"]),
    "FAM": st.sampled_from(["TX/LOCAL", "TX/LOCAL/PD", "OH/LOCAL", "TX", "0"]),
    "PHO": st.sampled_from(["555-0100", "0", "CALL"]),
    "LIN": st.sampled_from(["LINE-1", "A B", "0"]),
    "FRM": st.sampled_from(["TEXT", "JSON", "NIEM", "0", "XML"]),
    "ACT": st.sampled_from(["A", "I", "I", "0"]),
    "CTL": st.sampled_from(["Y", "N", "N", "0"]),
    "SML": st.sampled_from(["Y", "N", "0"]),
}
GOOD = {"AGN": st.just("EXAMPLE"), "LOC": st.just("EXAMPLE"), "TYP": st.just("PD")}
COMPLETE = st.fixed_dictionaries(
    {"ORI": ORIS, **GOOD, "FAM": st.just("TX/LOCAL")},
    optional={name: VALUES[name] for name in ("PHO", "LIN", "FRM", "ACT", "CTL", "SML")},
)
PARTIAL = st.fixed_dictionaries({"ORI": ORIS}, optional=VALUES)
MESSAGES = st.tuples(
    st.sampled_from(sorted(EDIT_KEYS)), st.one_of(COMPLETE, PARTIAL, PARTIAL), SENDERS
)

NAMES = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1)
PLACES = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=2, max_size=20)
AGENCIES = st.lists(
    st.builds(
        Agency,
        ori=st.from_regex(r"\A[A-Z0-9]{9}\Z").map(ORI),
        name=NAMES.filter(lambda name: len(name) <= 120 and name.isprintable()),
        family=st.sampled_from(["TX/LOCAL", "TX/STATE/PATROL"]).map(parse_family),
        type=st.sampled_from(AgencyType),
        active=st.booleans(),
        lines=st.lists(st.from_regex(r"\A[a-z0-9][a-z0-9.-]{0,63}\Z"), max_size=4, unique=True).map(
            tuple
        ),
        phone=st.from_regex(r"\A[0-9+() .x-]{0,32}\Z"),
        is_control=st.booleans(),
        form=st.sampled_from(Form),
        place=st.just("") | PLACES.filter(str.isprintable),
    ),
    max_size=6,
    unique_by=lambda agency: agency.ori,
).map(tuple)


@given(st.lists(MESSAGES, max_size=12))
def test_changes_keep_what_a_part_must_be(
    messages: list[tuple[str, dict[str, str], ORI]],
) -> None:
    """Whatever comes: the part can be published, has an editor, and joins the directory."""
    directory = Directory.of([FIRST, ohio()])
    for key, fields, sender in messages:
        part = directory.part(TX)
        assert part is not None
        try:
            edit = parse_edit(key, tuple(fields.items()))
            found = apply_edit(part, edit, sender=sender, listed_by=directory.member_of)
        except DirectoryError:
            continue
        check_part(found.part)
        assert has_editor(found.part.agencies)
        assert found.part.version == part.version + found.is_changed
        assert found.is_changed == (found.part != part)
        assert diff_parts(part, found.part).is_empty != found.is_changed
        assert verify_part(sign_part(found.part, signer_of(TX)), trust(TX)) == found.part
        directory = directory.with_part(found.part)
        speaker = directory.agency(sender)
        if found.is_changed and speaker is not None and speaker.active and speaker.is_control:
            again = apply_edit(found.part, edit, sender=sender, listed_by=directory.member_of)
            assert not again.is_changed


@given(AGENCIES, st.sampled_from(TableForm))
def test_reading_a_table_undoes_writing(agencies: tuple[Agency, ...], form: TableForm) -> None:
    """Parse ∘ encode is the identity, in both forms, whatever the agencies are called."""
    check_part(make_part(TX, *agencies))
    assert parse_table(encode_table(agencies, form), form) == agencies


@given(st.text(max_size=200), st.sampled_from(TableForm))
def test_any_text_is_a_table_or_refused(text: str, form: TableForm) -> None:
    """Noise gives agencies whose values are in range, or an error with its code."""
    try:
        agencies = parse_table(text, form)
    except TableError:
        return
    assert agencies == ()


@given(AGENCIES, AGENCIES)
def test_two_parts_are_equal_or_their_difference_is_told(
    old: tuple[Agency, ...], new: tuple[Agency, ...]
) -> None:
    """No difference is empty between parts of other bytes."""
    before, after = make_part(TX, *old), make_part(TX, *new)
    found = diff_parts(before, after)
    assert found.is_empty == (part_body(before) == part_body(after))
    changed = msgspec.structs.replace(after, agencies=before.agencies)
    assert diff_parts(before, changed).is_empty

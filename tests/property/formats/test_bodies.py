"""Free texts with published elements: any text is read or refused, and what is said is found."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from comity.domain.delivery import MessageFault
from comity.domain.keys import MessageKey
from comity.formats.bodies import HIT_FIELDS, HIT_SETS, HitPriority, hit_confirmation
from comity.formats.sending import ALL_KEYS
from comity.formats.status import (
    Notice,
    Status,
    StatusKind,
    parse_announcement,
    parse_notice,
    parse_status,
    render_notice,
    render_status,
)
from tests.support.messages import PLAIN, VALUES, alnum, attempt, codes, oris, words

ELEMENTS: dict[str, st.SearchStrategy[str]] = {
    **VALUES,
    "RTY": st.sampled_from(["SV", "WP", "PO", "MP", "SL", "SG", "SA", "SS", "SB", "SP"]),
    "RNO": st.sampled_from("123"),
    "PRI": st.sampled_from(HitPriority),
    "OCA": words(20, PLAIN),
    "NIC": alnum(10, 10),
    "LIS": st.sampled_from(["WA", "OR", "NB"]),
    "TYP": alnum(10),
    "SER": alnum(20),
    **dict.fromkeys(("RNA", "RAG", "DEN", "PHO", "REM"), words(30, PLAIN.replace("/", ""))),
}
keys = st.none() | st.sampled_from([MessageKey("DQ"), MessageKey("AML"), ALL_KEYS])
places = codes | oris


@st.composite
def hits(draw: st.DrawFn) -> dict[str, str]:
    """The elements of a hit confirmation, in any order but the remark last."""
    names = [*draw(st.sampled_from(HIT_SETS)), *draw(st.sets(st.sampled_from(["DEN", "PHO"])))]
    names = [*draw(st.permutations(names)), *draw(st.sampled_from([[], ["REM"]]))]
    return {name: str(draw(ELEMENTS[name])) for name in names}


@given(hits(), st.sampled_from([".", ".\n", ".\n\n "]), st.sampled_from(["", ".", "\n"]))
def test_a_hit_confirmation_is_read(said: dict[str, str], between: str, end: str) -> None:
    """However its elements are set on lines, what they say is found."""
    body = between.join(f"{name}/{value}" for name, value in said.items()) + end
    asked = hit_confirmation(body)
    assert dict(asked.elements) == said
    assert (asked.type, str(asked.number), asked.priority) == (
        said["RTY"],
        said["RNO"],
        said["PRI"],
    )
    assert asked.answer_s in {600, 3_600}


@given(hits(), st.data())
def test_a_hit_confirmation_without_a_part(said: dict[str, str], data: st.DataObject) -> None:
    """Any required element that is missing is missed."""
    gone = data.draw(st.sampled_from([name for name in said if name not in {"DEN", "PHO", "REM"}]))
    body = ".".join(f"{name}/{value}" for name, value in said.items() if name != gone)
    found = attempt(hit_confirmation, body)
    assert isinstance(found, MessageFault)
    assert found.code == "field-set-incomplete"


@given(st.text(max_size=200) | st.lists(st.sampled_from([*HIT_FIELDS, "/", ".", "1"])).map("".join))
@example("RTY/SV.RTY/SV")
@example("....REM/")
def test_any_body(text: str) -> None:
    """Any text is a hit confirmation, an announcement, or a refusal with number and code."""
    for read in (hit_confirmation, parse_announcement, parse_status, parse_notice):
        attempt(read, text)


@given(st.sampled_from(StatusKind), keys, places)
def test_a_status_comes_back(kind: StatusKind, key: MessageKey | None, place: str) -> None:
    """What is written of a status is read, whoever reads it."""
    status = Status(kind=kind, key=key, destination=place if key else "")
    for read in (parse_status, parse_announcement):
        assert read(render_status(status)) == status


@given(st.none() | st.times(), st.sampled_from(["EST", "PDT", "UTC"]), keys, places)
def test_a_notice_comes_back(at: object, zone: str, key: MessageKey | None, place: str) -> None:
    """What is written of a notice is read, whoever reads it."""
    notice = Notice(
        until=f"{at:%H%M}" if at else "",
        zone=zone if at else "",
        key=key,
        destination=place if key else "",
    )
    for read in (parse_notice, parse_announcement):
        assert read(render_notice(notice)) == notice

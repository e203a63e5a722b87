"""The elements of a card's subfiles, cut apart in the one way that is certain, or not at all.

How a subfile is cut depends on what is left of its separators:
1. control characters: every line is an element;
2. spaces: an element begins at a known id behind a space, unless that could be a word of an
   address;
3. nothing: an element begins at every known id, and there are as many as separators are missing
   from the length that the head states.
In 2 and 3 a licence number holds no space and no id, and in 3 it ends at a required element.

Guarantee: elements or `MessageError`; where two readings are possible none is taken, because a
wrong licence number is worse than none. Time is linear in the payload, with at most 16 subfiles.
Source: docs/adr/0017-card-payload.md, "Damage".
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Final

from comity.formats.aamva.header import KIND_CODES, Designator, Head
from comity.formats.aamva.standard import SOCIAL_SECURITY, Edition, edition_of
from comity.formats.faults import MessageError, fault_of

__all__ = ["CARD_ELEMENTS_MAX", "CARD_VALUE_CHARS_MAX", "read_elements"]

CARD_ELEMENTS_MAX: Final = 256
"""How many elements a card may hold."""

CARD_VALUE_CHARS_MAX: Final = 512
"""How long one element's value may be, in characters."""

_CONTROLS: Final = "".join(map(chr, (*range(0x20), 0x7F)))
_LINE_END: Final = re.compile(r"[\x00-\x1f\x7f]+")
_ELEMENT: Final = re.compile("([DPZ][A-Z][A-Z0-9])(.*)", re.DOTALL)
_ID_CHARS: Final = 3
_NUMBER: Final = "DAQ"

_Elements = list[tuple[str, str]]
_Places = list[tuple[int, str]]


def read_elements(head: Head) -> dict[str, str]:
    """Return every element of every subfile, in the order of the card, by its id.

    An element that stands twice with the same value stands once. Raises: MessageError.
    """
    edition = edition_of(head.version)
    found: dict[str, str] = {}
    for designator, text in _subfiles(head):
        for name, value in _cut(designator, text, edition):
            if found.setdefault(name, value) != value:
                raise fault_of("0", "card-element-repeated", "an element stands twice, unlike")
            _check_value(value)
    if len(found) > CARD_ELEMENTS_MAX:
        raise fault_of("0", "card-too-long", f"the card has over {CARD_ELEMENTS_MAX} elements")
    _check_none_swallowed(found, edition)
    return {name: value for name, value in found.items() if name not in SOCIAL_SECURITY}


def _check_value(value: str) -> None:
    if len(value) > CARD_VALUE_CHARS_MAX:
        sentence = f"an element is over {CARD_VALUE_CHARS_MAX} characters"
        raise fault_of("0", "card-too-long", sentence)
    if not value.isprintable():
        raise fault_of("0", "card-element-malformed", "an element holds what does not print")


def _check_none_swallowed(found: dict[str, str], edition: Edition) -> None:
    """Refuse a card whose licence number may have run on into an element that is missing."""
    number = found.get(_NUMBER, "")
    if any(name in number for name in edition.required - found.keys()):
        raise _lost()


def _lost() -> MessageError:
    return fault_of("0", "card-separators-lost", "the elements cannot be told apart: scan again")


def _subfiles(head: Head) -> list[tuple[Designator, str]]:
    """Cut the body where each subfile's own type stands, in the order of the head."""
    body = head.body.rstrip(_CONTROLS).lstrip(_CONTROLS + " ")
    starts = [
        _start(body, designator, first=not n) for n, designator in enumerate(head.designators)
    ]
    if starts != sorted(starts):
        raise fault_of("0", "card-header-malformed", "the subfiles are not in their order")
    ends = [*starts[1:], len(body)]
    return [
        (designator, body[start + len(designator.type) : end].strip(_CONTROLS))
        for designator, start, end in zip(head.designators, starts, ends, strict=True)
    ]


def _start(body: str, designator: Designator, *, first: bool) -> int:
    """Return where a subfile begins: at its type, followed by an element that can be its first.

    Raises: MessageError if it begins nowhere, or in more places than one.
    """
    kind, is_own = designator.type, designator.type not in KIND_CODES
    # An element of a jurisdiction's own subfile begins with the subfile's type.
    mark = kind + (kind if is_own else "[DPZ][A-Z]")
    if first:
        places = [0] * (re.match(mark, body) is not None)
    else:
        places = [m.start() for m in re.finditer(rf"(?<=[\x00-\x1f\x7f]){mark}", body)]
    if not places and not first and is_own:
        places = [m.start() for m in re.finditer(mark, body)]
    if len(places) != 1:
        raise fault_of("0", "card-subfile-missing", "a subfile does not stand where it can begin")
    return places[0]


def _cut(designator: Designator, text: str, edition: Edition) -> _Elements:
    """Return the elements of one subfile, values without the spaces that fill them up."""
    if _LINE_END.search(text):
        return [_line(line) for line in _LINE_END.split(text) if line.strip(" ")]
    if designator.type in KIND_CODES:
        places = [(m.start(), m[1]) for m in edition.places.finditer(text)]
        required = {name for _, name in places} & edition.required
    else:
        own = re.compile(f"(?={designator.type}([A-Z0-9]))")
        places = [(m.start(), designator.type + m[1]) for m in own.finditer(text)]
        required = {name for _, name in places}
    spaced = [(start, name) for start, name in places if not start or text[start - 1] == " "]
    if required <= {name for _, name in spaced}:
        starts = _behind_spaces(text, spaced, edition)
    else:
        starts = _run_together(designator, text, places, edition)
    if not starts or starts[0][0] != 0:
        raise _lost()
    ends = [*(start for start, _ in starts[1:]), len(text)]
    elements = [
        (name, text[start + _ID_CHARS : end].strip(" "))
        for (start, name), end in zip(starts, ends, strict=True)
    ]
    number = dict(elements).get(_NUMBER, "")
    if " " in number or edition.places.search(number):
        # What looks like the end of the number might be an element, known or still to come.
        raise _lost()
    if any(name in edition.forms and not edition.forms[name].fullmatch(v) for name, v in elements):
        raise _lost()
    return elements


def _line(line: str) -> tuple[str, str]:
    found = _ELEMENT.fullmatch(line.lstrip(" "))
    if found is None:
        raise fault_of("0", "card-element-malformed", "a line does not begin with an element's id")
    return found[1], found[2].strip(" ")


def _behind_spaces(text: str, places: _Places, edition: Edition) -> _Places:
    """Return the elements of text whose separators are spaces.

    What an edition does not require and has no fixed form could be a word of the value before it
    (`12 DAHLIA ST` against a second line of the street): such a card is refused. Words begin with
    `DA` and `PA` only, so that any other id is an element, whatever follows it.
    """
    starts = _fitting(text, places, edition)
    kept = {name for _, name in starts}
    for start, name in places:
        if start and name[1] == "A" and name in edition.optional and name not in edition.forms:
            sentence = "an element could be a word of another: scan again"
            raise fault_of("0", "card-separators-ambiguous", sentence)
        if name not in kept and (name in edition.required or name[1] != "A"):
            raise _lost()
    return _one_each(text, starts, edition)


def _run_together(designator: Designator, text: str, places: _Places, edition: Edition) -> _Places:
    """Return the elements of text without separators: every known id that can be one.

    Each element had one separator behind it, so the length that the head states, less what is
    left, is their number. The licence number must end at an element that the edition requires.
    """
    starts = _one_each(text, _fitting(text, places, edition), edition)
    names = [name for _, name in starts]
    count = designator.length - len(designator.type) - len(text)
    is_apart = all(after - start >= _ID_CHARS for (start, _), (after, _) in pairwise(starts))
    if len(names) != count or len(set(names)) != len(names) or not is_apart:
        raise _lost()
    after_number = dict(pairwise(names)).get(_NUMBER)
    if after_number is not None and after_number not in edition.required:
        raise _lost()
    return starts


def _fitting(text: str, places: _Places, edition: Edition) -> _Places:
    """Return the places but those whose element has a fixed form that does not follow there."""
    ends = {start for start, _ in places} | {len(text)}
    forms = edition.forms
    return [
        (start, name)
        for start, name in places
        if name not in forms or _value_end(text, start, forms[name]) in ends
    ]


def _one_each(text: str, starts: _Places, edition: Edition) -> _Places:
    """Return one place of each id where one alone is demanded by the fixed form before it.

    `DAU068 inDAYBRO` demands DAY behind the height, so that the city `DAYTON` holds none. Where no
    form, or more than one, decides, all places stay, and the card is refused.
    """
    counts = Counter(name for _, name in starts)
    forms = edition.forms
    demanded = {
        _value_end(text, start, forms[name])
        for start, name in starts
        if counts[name] == 1 and name in forms
    }
    decided = Counter(name for start, name in starts if start in demanded)
    return [
        (start, name)
        for start, name in starts
        if counts[name] == 1 or decided[name] != 1 or start in demanded
    ]


def _value_end(text: str, start: int, form: re.Pattern[str]) -> int | None:
    """Return where a value of a fixed form ends, with the spaces that fill it up; None if not."""
    found = form.match(text, start + _ID_CHARS)
    if found is None:
        return None
    end = found.end()
    while end < len(text) and text[end] == " ":
        end += 1
    return end

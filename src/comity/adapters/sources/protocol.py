"""The JSON that is spoken with a state's web service: batches of look-ups, and their results.

Guarantee: a result counts only if it is whole and in form. Whatever is wrong with one is a
SourceError of its own look-up; a reply that cannot be told apart into results is refused as a
whole. Nothing but a `record` that is null means that there is none.
Source: docs/reference/source-protocol.md; docs/adr/0016-sources.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from comity.domain.answer import Element
from comity.domain.vocabulary import DataClass, RecordKind
from comity.ports import Lookup, Record, SourceError

__all__ = [
    "MATCHES_MAX",
    "VERSION",
    "ElementForm",
    "LookupForm",
    "RecordForm",
    "Reply",
    "Request",
    "ResultForm",
    "encode_lookups",
    "read_results",
]

VERSION: Final = 1

MATCHES_MAX: Final = 1_000_000
"""Records that a service may say it met; only whether there is more than one is used."""

_Found = Record | SourceError | None


class LookupForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One look-up; `place` names its result in the reply."""

    place: Annotated[int, Meta(ge=0)]
    state: str
    key: str
    fields: dict[str, str]
    agency: str
    to: tuple[str, ...] = ()


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is posted."""

    version: Literal[1]
    lookups: tuple[LookupForm, ...]


class ElementForm(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    rename={"data_class": "class"},
):
    """One element of a record: its name stands under one class (`elements.toml`)."""

    data_class: DataClass
    name: str
    value: str


class RecordForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record in elements, or in text alone; `matches` is how many records the search met."""

    kind: RecordKind
    matches: Annotated[int, Meta(ge=1, le=MATCHES_MAX)] = 1
    elements: tuple[ElementForm, ...] = ()
    text: str = ""


class ResultForm(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What became of one look-up: a record, null for none, or a fault: not both."""

    place: Annotated[int, Meta(ge=0)]
    record: RecordForm | msgspec.UnsetType | None = msgspec.UNSET
    fault: Annotated[str, Meta(min_length=1, max_length=64)] | msgspec.UnsetType = msgspec.UNSET


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the service answers: one result for each look-up, in any order."""

    version: Literal[1]
    results: tuple[ResultForm, ...]


class _Apart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reply whose results are not looked into yet: a bad one takes no other with it."""

    version: Literal[1]
    results: list[msgspec.Raw]


class _Placed(msgspec.Struct, frozen=True):
    place: Annotated[int, Meta(ge=0)]


# What a decoder raises of any bytes: another form, text that is not UTF-8, values nested too deep.
_NOT_IN_FORM: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_encoder: Final = msgspec.json.Encoder()
_apart: Final = msgspec.json.Decoder(_Apart)
_placed: Final = msgspec.json.Decoder(_Placed)
_result: Final = msgspec.json.Decoder(ResultForm)


def encode_lookups(lookups: Sequence[Lookup]) -> bytes:
    """Return the request for look-ups; the place of each is its index."""
    forms = tuple(
        LookupForm(
            place=place,
            state=lookup.state,
            key=lookup.key,
            fields=dict(lookup.fields),
            agency=lookup.agency,
            to=lookup.to,
        )
        for place, lookup in enumerate(lookups)
    )
    return _encoder.encode(Request(version=VERSION, lookups=forms))


def read_results(data: bytes, count: int, classes: Mapping[str, DataClass]) -> list[_Found]:
    """Return one result for each of `count` look-ups.

    Raises: SourceError if the reply cannot be told apart into results of these look-ups.
    """
    try:
        parts = [(_placed.decode(raw).place, raw) for raw in _apart.decode(data).results]
    except _NOT_IN_FORM:
        raise SourceError("the source's reply is not in form") from None
    if any(place >= count for place, _ in parts):
        raise SourceError("the source's reply has a result that was not asked for")
    results: list[_Found] = [SourceError("the source gave no result")] * count
    seen: set[int] = set()
    for place, raw in parts:
        if place in seen:
            # Which of the two is true cannot be told.
            results[place] = SourceError("the source gave two results")
        else:
            seen.add(place)
            results[place] = _found(raw, classes)
    return results


def _found(raw: msgspec.Raw, classes: Mapping[str, DataClass]) -> _Found:
    try:
        result = _result.decode(raw)
    except _NOT_IN_FORM:
        return SourceError("a result of the source is not in form")
    record = result.record
    if (record is msgspec.UNSET) == (result.fault is msgspec.UNSET):
        return SourceError("a result of the source has not one of `record` and `fault`")
    if record is msgspec.UNSET:
        return SourceError("the source could not look this up")
    return None if record is None else _record(record, classes)


def _record(form: RecordForm, classes: Mapping[str, DataClass]) -> _Found:
    if form.text:
        if form.elements or not form.text.strip():
            return SourceError("a record of the source is not either elements or a text")
        return Record(kind=form.kind, elements=(), matches=form.matches, text=form.text)
    elements = []
    for given in form.elements:
        # INVARIANT (withheld-never-rendered): a class is withheld by its name; one name, one class.
        if classes.get(given.name) is not given.data_class:
            return SourceError("an element of the source is unknown, or under another class")
        elements.append(Element(data_class=given.data_class, name=given.name, value=given.value))
    return Record(kind=form.kind, elements=tuple(elements), matches=form.matches)

"""JSON: the answers of many states as one document.

Guarantee: what is rendered is read back as the same value; a document whose lists do not fit
together is refused.
Source: docs/reference/messages.md, "A merged answer"; docs/adr/0013-routes.md.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from comity.domain.answer import Merged
from comity.domain.errors import MalformedError
from comity.domain.ids import Member, QueryId, format_id, parse_id, parse_member
from comity.domain.keys import MessageKey, is_key_form
from comity.formats.json.answer import parse_answer, render_answer
from comity.formats.json.schema import decode, refuse
from comity.formats.rules import DELIVERY_BYTES_MAX

__all__ = ["parse_merged", "render_merged"]

_ASKED_MAX: Final = 64


class _Merged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    query_id: str
    key: str
    asked: Annotated[tuple[str, ...], msgspec.Meta(max_length=_ASKED_MAX)]
    silent: tuple[str, ...]
    answers: tuple[msgspec.Raw, ...]


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_Merged)


def render_merged(merged: Merged) -> bytes:
    """Return the answers of many states as JSON; `silent` names those without one."""
    return _encoder.encode(
        _Merged(
            query_id=format_id(merged.query_id),
            key=merged.key,
            asked=merged.asked,
            silent=merged.silent,
            answers=tuple(msgspec.Raw(render_answer(answer)) for answer in merged.answers),
        )
    )


def parse_merged(data: bytes) -> Merged:
    """Return what `render_merged` wrote; at most 1 MiB. Raises: MessageError."""
    said = decode(_decoder, data, bytes_max=DELIVERY_BYTES_MAX)
    if not is_key_form(said.key):
        raise refuse("key")
    try:
        asked = tuple(parse_member(code) for code in said.asked)
        query_id = QueryId(parse_id(said.query_id))
    except MalformedError:
        raise refuse("asked") from None
    merged = Merged(
        query_id=query_id,
        key=MessageKey(said.key),
        asked=asked,
        answers=tuple(parse_answer(bytes(raw)) for raw in said.answers),
    )
    if not _fits_together(merged) or said.silent != merged.silent:
        raise refuse("answers")
    return merged


def _fits_together(merged: Merged) -> bool:
    """Say whether each state is asked once and answers at most once, in the order of asking."""
    answered: list[Member] = [answer.state for answer in merged.answers]
    heard = frozenset(answered)
    in_order = [state for state in merged.asked if state in heard]
    return answered == in_order and len(set(merged.asked)) == len(merged.asked)

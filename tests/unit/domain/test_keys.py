"""The table of message keys: closed, consistent, and what each asks for and is answered with."""

from __future__ import annotations

import pytest

from comity.domain.keys import (
    KEYS,
    OTHER_KEY,
    MessageKey,
    UnknownKeyError,
    asked_classes,
    is_known_key,
    key_row,
    parse_message_key,
    response_key,
)
from comity.domain.vocabulary import DataClass


def test_every_key_is_known_but_other() -> None:
    """`other` stands in leaves alone: no message can carry it."""
    for key in KEYS:
        assert is_known_key(key) == (key != OTHER_KEY)
    assert parse_message_key("DQ") == "DQ"
    for text in ("other", "ZZ", "", "dq"):
        with pytest.raises(UnknownKeyError):
            parse_message_key(text)


def test_every_response_is_a_response_key() -> None:
    """A key is answered by a key of the table that is marked as one; one without, by itself."""
    for key, row in KEYS.items():
        if row.response:
            assert response_key(key) == row.response
            assert KEYS[MessageKey(row.response)].is_response
        else:
            assert response_key(key) == key


def test_photo_is_asked_for_only_with_an_image() -> None:
    """A licence query asks for the photo only where it asks for an image."""
    licence = MessageKey("DQ")
    plain = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
    assert asked_classes(licence, image=False) == plain
    assert asked_classes(licence, image=True) == (*plain, DataClass.PHOTO)


def test_key_without_classes_is_opaque() -> None:
    """Free text is a data class of its own, with an image or without."""
    for image in (True, False):
        assert asked_classes(MessageKey("AM"), image=image) == (DataClass.OPAQUE,)


def test_asked_classes_stand_once() -> None:
    """No key asks for a class twice, or for nothing; kinds only where there are classes."""
    for key in KEYS:
        classes = asked_classes(key, image=True)
        assert len(set(classes)) == len(classes) > 0
        assert asked_classes(key, image=False)
        assert not key_row(key).kinds or key_row(key).classes

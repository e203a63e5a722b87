"""The key under which names are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.domain.names import NAME_CHARS_MAX, NameFormError, latin, name_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("DOE,JANE", "DOE,JANE"),
        ("doe, jane q jr", "DOE,JANE"),
        ("O'Tarrigan,Clarence Reed", "OTARRIGAN,CLARENCE"),
        ("O’Tarrigan,Clarence", "OTARRIGAN,CLARENCE"),  # noqa: RUF001 - as phones write it
        ("Park-Ellery,Mei-Lin", "PARKELLERY,MEILIN"),
        ("St. Marrow,Zoë", "STMARROW,ZOE"),
        ("De la Quintara,Dolores", "DELAQUINTARA,DOLORES"),
        ("Großwen,Walter", "GROSSWEN,WALTER"),
        ("Ångerqvist,Naomi", "ANGERQVIST,NAOMI"),
        ("Sørvang,Ægir", "SORVANG,AEGIR"),
        ("Nguyễnh,Linh", "NGUYENH,LINH"),
        ("Yıldızan,Đorđe", "YILDIZAN,DORDE"),  # noqa: RUF001 - a name as it is written
    ],
)
def test_key(text: str, key: str) -> None:
    """Marks, spaces, hyphens, case and further given names do not tell two names apart."""
    assert name_key(text) == key


@pytest.mark.parametrize(
    "text",
    ["", "DOE", "DOE,", ",JANE", "DOE, ", " ,JANE", "D0E,JANE", "DOE;JANE", "Иванов,Иван", "-,-"],
)
def test_no_name(text: str) -> None:
    """What is not a family name and a given name, or has no Latin form, is refused."""
    with pytest.raises(NameFormError):
        name_key(text)


def test_length() -> None:
    """The longest name is compared, one character more is refused."""
    longest = "A" * (NAME_CHARS_MAX - 2) + ",B"
    assert name_key(longest) == longest
    with pytest.raises(NameFormError):
        name_key("A" + longest)


def test_error_holds_no_name() -> None:
    """The error's text does not repeat the name."""
    with pytest.raises(NameFormError) as caught:
        name_key("Secretperson")
    assert "ecretperson" not in str(caught.value)


def test_latin_keeps_what_separates() -> None:
    """A name in Latin letters keeps its spaces, hyphens, apostrophes and commas."""
    assert latin("N'Dambele-Côte,José María") == "N'DAMBELE-COTE,JOSE MARIA"


@given(st.text(max_size=60))
def test_key_is_stable(text: str) -> None:
    """A key is its own key, in the letters A-Z, or the text is refused."""
    try:
        key = name_key(text)
    except NameFormError:
        return
    assert name_key(key) == key
    assert key.isascii()
    assert key.replace(",", "", 1).isalpha()
    assert key == key.upper()


@given(st.from_regex(r"[A-Z]{1,8}, ?[A-Z]{1,8}( [A-Z ]{0,8})?", fullmatch=True))
def test_a_plain_name_has_the_key_of_any_other(text: str) -> None:
    """What is read at a glance is what the long way makes of the same name in small letters."""
    assert name_key(text) == name_key(text.lower())

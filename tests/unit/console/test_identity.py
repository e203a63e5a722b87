"""A state's identity: read from a closed form, refused where it cannot be read or trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from comity.console.identity import (
    CONTRAST_MIN,
    IDENTITY_BYTES_MAX,
    LINE_CHARS_MAX,
    NAME_CHARS_MAX,
    PAPER,
    SEAL_BYTES_MAX,
    TITLE_CHARS_MAX,
    IdentityError,
    contrast,
    plain_identity,
    read_identity,
)
from comity.domain.ids import MEMBERS, Member

OR = Member("or")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'
GIVEN = {
    "name": "Oregon",
    "title": "Oregon · Record Exchange",
    "official_line": "An official website of the State of Oregon",
    "accent": "#2b5a3a",
}


def write(folder: Path, **changes: str) -> Path:
    """Write an identity file, with some keys changed."""
    lines = [f'{name} = "{value}"\n' for name, value in {**GIVEN, **changes}.items()]
    path = folder / "identity.toml"
    path.write_text("".join(lines), "utf-8")
    return path


def refused(path: Path) -> str:
    """Return why an identity is refused."""
    with pytest.raises(IdentityError) as caught:
        read_identity(path, OR)
    assert caught.value.code == "identity-malformed"
    return str(caught.value)


def test_identity_is_read(tmp_path: Path) -> None:
    """A file of the form becomes the name, lines and style sheet of the state's pages."""
    site = read_identity(write(tmp_path), OR)
    assert (site.state_name, site.title) == ("Oregon", "Oregon · Record Exchange")
    assert site.stylesheet_url == "/static/identity-or.css"
    assert site.stylesheet == b":root{--accent:#2b5a3a;--on-accent:#fff}\n"
    assert site.seal_url == ""


def test_seal_is_read_beside_the_file(tmp_path: Path) -> None:
    """A seal of plain shapes is taken, and has an address of its own."""
    drawn = SVG.format('<title>Seal</title><circle r="4" fill="#123"/><!-- drawn by hand -->')
    (tmp_path / "seal.svg").write_text(drawn, "utf-8")
    site = read_identity(write(tmp_path, seal="seal.svg"), OR)
    assert (site.seal, site.seal_url) == (drawn.encode(), "/static/seal-or.svg")


@pytest.mark.parametrize("member", MEMBERS)
def test_every_member_has_a_plain_identity(member: Member) -> None:
    """Without a file a member's pages have its name and a colour that can be read."""
    site = plain_identity(member)
    assert site.state_name in site.title
    assert contrast(site.accent, PAPER) >= CONTRAST_MIN
    assert "United States government" not in site.official_line


def test_contrast_is_that_of_the_standard() -> None:
    """Contrast goes from 1 to 21, either way round; #767676 is the lightest grey on white."""
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#1f4e79", "#1f4e79") == pytest.approx(1)
    assert contrast("#767676", "#ffffff") == contrast("#ffffff", "#767676")
    assert contrast("#767676", "#ffffff") >= CONTRAST_MIN > contrast("#777777", "#ffffff")


@pytest.mark.parametrize(
    ("accent", "why"),
    [
        ("#777777", "contrast of 4.47 with white"),
        ("#767676", "contrast of 4.35 with the page's paper"),
        ("#ffd200", "contrast of 1.4"),
        ("red", "not a colour"),
        ("#1f4e7", "not a colour"),
        ("#1f4e79;}", "not a colour"),
    ],
)
def test_unreadable_accent_is_refused(tmp_path: Path, accent: str, why: str) -> None:
    """A colour that cannot be read on white or on paper, or is none, is named with its contrast."""
    said = refused(write(tmp_path, accent=accent))
    assert "`accent`" in said
    assert why in said


@pytest.mark.parametrize(
    ("name", "limit"),
    [("name", NAME_CHARS_MAX), ("title", TITLE_CHARS_MAX), ("official_line", LINE_CHARS_MAX)],
)
def test_texts_have_a_length(tmp_path: Path, name: str, limit: int) -> None:
    """A text is taken at its limit and refused beyond, empty, or with what cannot be seen."""
    assert read_identity(write(tmp_path, **{name: "x" * limit}), OR).member == OR
    for text in ("x" * (limit + 1), "", " ", "x\\ny", "x\\u202Ey"):
        assert f"`{name}`" in refused(write(tmp_path, **{name: text}))


@pytest.mark.parametrize(
    "text",
    ["", "[", "a" * (IDENTITY_BYTES_MAX + 1), "x = " + "[" * 4_000, "a.b.c.d.e.f.g.h.i.j.k = 1"],
)
def test_other_file_is_refused(tmp_path: Path, text: str) -> None:
    """What is not a file of the form ends in an error that has a name."""
    path = tmp_path / "identity.toml"
    path.write_text(text, "utf-8")
    assert refused(path)


def test_form_is_closed(tmp_path: Path) -> None:
    """An unknown key, a key that is missing, other bytes and no file at all are refused."""
    assert "`motto`" in refused(write(tmp_path, motto="Alis volat propriis"))
    path = write(tmp_path)
    path.write_text(path.read_text("utf-8").replace("name = ", "called = "), "utf-8")
    assert refused(path)
    path.write_bytes(b"name = '\xff'")
    assert "UTF-8" in refused(path)
    assert "cannot be read" in refused(tmp_path / "nothing.toml")
    assert "cannot be read" in refused(tmp_path)


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        "<style>*{}</style>",
        "<image href='x.png'/>",
        "<use href='#a'/>",
        "<foreignObject/>",
        "<a><path/></a>",
        "<path onclick='x()'/>",
        "<path style='fill:red'/>",
        "<path fill='url(https://seal.example/a)'/>",
        "<animate/>",
        "<?xml-stylesheet href='a.css'?>",
        "<path xmlns=''/>",
    ],
)
def test_seal_that_could_do_more_is_refused(tmp_path: Path, inner: str) -> None:
    """A seal is plain shapes: no script, style, link, image, foreign content or instruction."""
    (tmp_path / "seal.svg").write_text(SVG.format(inner), "utf-8")
    assert "`seal`" in refused(write(tmp_path, seal="seal.svg"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a drawing",
        "<html/>",
        '<?xml-stylesheet href="a.css"?>' + SVG.format(""),
        '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.format("<title>&a;</title>"),
        SVG.format(" " * SEAL_BYTES_MAX),
    ],
)
def test_other_seal_is_refused(tmp_path: Path, text: str) -> None:
    """What is not one SVG file of plain shapes within its size is refused; so is a missing one."""
    (tmp_path / "seal.svg").write_text(text, "utf-8")
    assert "`seal`" in refused(write(tmp_path, seal="seal.svg"))
    assert "`seal`" in refused(write(tmp_path, seal="elsewhere.svg"))

"""Golden pictures say what moved, how much, and nothing else; they fail no run."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from scripts.golden_pictures import renew
from tests.support.golden import (
    GOLDEN,
    GOLDEN_BYTES_MAX,
    NAMES,
    SHARE_MAX,
    Golden,
    made_small,
    share_beyond,
)

NAME = "patterns-queue-desk"


def shot(*, box: tuple[int, int, int, int] = (0, 0, 0, 0), height: int = 800) -> bytes:
    """A page of paper with a line, and a box somewhere."""
    page = Image.new("RGB", (1280, height), "#fbf9f4")
    draw = ImageDraw.Draw(page)
    draw.rectangle((100, 100, 1180, 130), fill="#1b1b1b")
    if box[2]:
        draw.rectangle(box, fill="#8a1f11")
    saved = BytesIO()
    page.save(saved, "PNG")
    return saved.getvalue()


def small(**given: object) -> Image.Image:
    return made_small(shot(**given), NAME)  # type: ignore[arg-type]


def test_same_page_differs_nowhere() -> None:
    """Also from its own picture with fewer colours."""
    assert share_beyond(small(), small()) == 0.0


def test_share_is_that_of_what_changed() -> None:
    """A tenth of the page is a tenth; half a page more is a third of both."""
    tenth = share_beyond(small(), small(box=(0, 200, 1280, 279)))
    assert tenth == pytest.approx(0.1, abs=0.01)
    longer = share_beyond(small(height=800), small(height=1_200))
    assert longer == pytest.approx(1 / 3, abs=0.01)


def test_run_tells_and_goes_on(tmp_path: Path) -> None:
    """Equal, beyond the threshold with both side by side, no picture, no PNG: a row each."""
    kept, run = tmp_path / "kept", tmp_path / "run"
    kept.mkdir()
    run.mkdir()
    for name in NAMES[:2]:
        made_small(shot(), name).save(kept / f"{name}.png")
    (kept / f"{NAMES[2]}.png").write_bytes(b"no picture")
    golden = Golden(run, kept)
    golden.compare(shot(), NAMES[0])
    golden.compare(shot(box=(0, 200, 1280, 400)), NAMES[1])
    golden.compare(shot(), NAMES[2])
    golden.compare(shot(), NAMES[3])
    assert [each.differs for each in golden.seen] == [False, True, True, True]
    assert golden.seen[1].share > SHARE_MAX
    assert (run / f"golden-{NAMES[1]}-before-and-now.png").is_file()
    assert not (run / f"golden-{NAMES[0]}-before-and-now.png").exists()
    table = golden.table()
    assert sum("look at it" in row for row in table) == 3
    assert table[-1].startswith("3 of 4 differ")


def test_pictures_are_renewed_from_a_run(tmp_path: Path) -> None:
    """What the run has is taken, by name; a run without any is a fault."""
    run, kept = tmp_path / "run", tmp_path / "kept"
    run.mkdir()
    with pytest.raises(SystemExit):
        renew(run, kept)
    golden = Golden(run, kept)
    golden.compare(shot(), NAME)
    assert renew(run, kept) == [NAME]
    again = Golden(run, kept)
    again.compare(shot(), NAME)
    assert not again.seen[0].differs


def test_every_name_has_its_picture() -> None:
    """No more, no fewer, and all of them small."""
    files = sorted(GOLDEN.glob("*.png"))
    assert [file.stem for file in files] == sorted(NAMES)
    assert sum(file.stat().st_size for file in files) < GOLDEN_BYTES_MAX

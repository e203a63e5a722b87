"""Golden pictures of pages: small, and compared with tolerance; they tell, and fail nothing.

A picture is made smaller and of few colours before it is kept or compared, and what changes from
run to run is covered; so a letter that is set a little otherwise is no difference, and a part that
moved, vanished or overflows is.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, UnidentifiedImageError
from playwright.sync_api import Page

__all__ = ["GOLDEN", "GOLDEN_BYTES_MAX", "NAMES", "Golden", "Seen", "made_small", "share_beyond"]

GOLDEN = Path(__file__).resolve().parents[1] / "browser" / "golden"
GOLDEN_BYTES_MAX = 1_500_000
"""All golden pictures together."""
SHARE_MAX = 0.02
"""The share of pixels beyond which a picture is said to differ."""
_LIGHT_MAX = 40
"""How far a pixel's red, green or blue may be from the golden one's, of 255."""
_WIDTHS = {"phone": 195, "narrow": 160}
_WIDTH, _HEIGHT_MAX = 400, 500
_COLOURS = 48

NAMES = (
    *(f"patterns-{page}-{width}" for page in ("queue", "case", "decide", "empty")
      for width in ("desk", "phone")),
    "patterns-shortcuts", "patterns-decide-refused", "patterns-no-script",
    "patterns-forced-colours",
    "practice-sign-in-light-desk", "practice-sign-in-light-phone", "practice-sign-in-dark-desk",
    "empty-desk", "holds-desk", "spanish-desk",
    *(f"passkey-{page}-desk" for page in ("invitation", "make", "use")),
    "passkey-no-script",
)  # fmt: skip
"""Pictures of the suite, by name, of pages that look the same in each run."""

COVERED = ("time", "code", ".code", ".foot")
"""What each run has its own of: moments and codes."""


@dataclass(frozen=True)
class Seen:
    """What became of one picture: the share that differs, or why it could not be compared."""

    name: str
    share: float = 0.0
    trouble: str = ""

    @property
    def differs(self) -> bool:
        """Whether somebody should look at it."""
        return bool(self.trouble) or self.share > SHARE_MAX


def made_small(data: bytes, name: str) -> Image.Image:
    """A screenshot as it is kept: narrow, its head alone, of few colours."""
    whole = Image.open(BytesIO(data)).convert("RGB")
    width = _WIDTHS.get(name.rpartition("-")[2], _WIDTH)
    height = max(1, whole.height * width // whole.width)
    small = whole.resize((width, height), Image.Resampling.BOX)
    small = small.crop((0, 0, width, min(height, _HEIGHT_MAX)))
    return small.quantize(_COLOURS, dither=Image.Dither.NONE)


def share_beyond(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that are not as they were; what only one of them has differs."""
    size = max(one.width, other.width), max(one.height, other.height)
    both = []
    for each in (one, other):
        # A colour that no page has, so that what is not there differs from paper.
        sheet = Image.new("RGB", size, (255, 0, 255) if each is one else (0, 255, 0))
        sheet.paste(each.convert("RGB"), (0, 0))
        both.append(sheet)
    bands = ImageChops.difference(*both).split()
    worst = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    beyond = sum(worst.histogram()[_LIGHT_MAX + 1 :])
    return beyond / (size[0] * size[1])


class Golden:
    """The pictures of one run, beside those that are kept."""

    def __init__(self, folder: Path, kept: Path = GOLDEN) -> None:
        self.folder = folder
        self._kept = kept
        self.seen: list[Seen] = []

    def look(self, page: Page, name: str) -> None:
        """Compare a page as it stands with its golden picture, if it is one of those."""
        if name not in NAMES:
            return
        data = page.screenshot(
            full_page=True, animations="disabled", mask_color="#c8c8c8",
            mask=[page.locator(each) for each in COVERED],
        )  # fmt: skip
        self.compare(data, name)

    def compare(self, data: bytes, name: str) -> None:
        """Keep a picture as a golden one would be, and say how far it is from that."""
        now = made_small(data, name)
        now.save(self.folder / f"golden-{name}.png", optimize=True)
        try:
            before = Image.open(self._kept / f"{name}.png").convert("RGB")
        except (OSError, UnidentifiedImageError):
            self.seen.append(Seen(name, trouble="no golden picture that can be read"))
            return
        seen = Seen(name, share_beyond(before, now))
        self.seen.append(seen)
        if seen.differs:
            self._beside(before, now).save(self.folder / f"golden-{name}-before-and-now.png")

    def table(self) -> list[str]:
        """The lines that a run ends with."""
        wide = max(map(len, NAMES))
        head = f"{'screen'.ljust(wide)}  differs  threshold"
        rows = [
            f"{each.name.ljust(wide)}  {each.trouble or f'{each.share:7.2%}'}  {SHARE_MAX:9.0%}"
            f"{'  look at it' if each.differs else ''}"
            for each in sorted(self.seen, key=lambda each: (not each.differs, each.name))
        ]
        count = sum(each.differs for each in self.seen)
        return [
            head, *rows,
            f"{count} of {len(self.seen)} differ; pictures of both are in {self.folder}",
        ]  # fmt: skip

    @staticmethod
    def _beside(before: Image.Image, now: Image.Image) -> Image.Image:
        size = before.width + now.width + 8, max(before.height, now.height)
        sheet = Image.new("RGB", size, (120, 120, 120))
        sheet.paste(before, (0, 0))
        sheet.paste(now.convert("RGB"), (before.width + 8, 0))
        return sheet

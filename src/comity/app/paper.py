"""Documents on paper, set by Typst."""

from comity.adapters.typst import Paper, letter_png, set_letter, set_paper

__all__ = ["Paper", "letter_png", "set_letter", "set_paper"]

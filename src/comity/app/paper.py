"""Documents on paper, set by Typst."""

from comity.adapters.typst import letter_png, set_binder, set_letter, set_paper

__all__ = ["letter_png", "set_binder", "set_letter", "set_paper"]

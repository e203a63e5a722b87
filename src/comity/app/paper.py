"""Documents on paper, set by Typst."""

from comity.adapters.typst import set_paper

__all__ = ["set_paper"]

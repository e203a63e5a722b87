"""Documents on paper, set by Typst."""

from comity.adapters.typst import Paper, set_paper

__all__ = ["Paper", "set_paper"]

"""How hard a text is to read: the Flesch-Kincaid grade, in years of school."""

from __future__ import annotations

import re


def grade(text: str) -> float:
    """The grade of an English text; sentences end in a full stop, colon or question mark."""
    sentences = [part for part in re.split(r"[.?!:]+(?:\s|$)", text) if part.strip()]
    words = re.findall(r"[A-Za-z\u2019'-]+", text)
    count = sum(map(_syllables, words))
    return 0.39 * len(words) / len(sentences) + 11.8 * count / len(words) - 15.59


def _syllables(word: str) -> int:
    """Groups of vowels, without a silent e at the end; a fair estimate for English."""
    lower = re.sub(r"[^a-z]", "", word.lower())
    groups = len(re.findall(r"[aeiouy]+", lower))
    is_silent = lower.endswith("e") and not lower.endswith(("le", "ee")) and groups > 1
    return max(1, groups - is_silent)

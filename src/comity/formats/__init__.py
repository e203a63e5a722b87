"""Foreign bytes to the words of `domain` and back: one package per format, none importing another.

What formats share and is none of them stands beside them: `faults` (the error table), `rules` (what
a valid query is), `wording` (the first line of every outcome).
"""

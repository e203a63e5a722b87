"""A state's rules: the record, its English, the compiled masks, and the decision with its reasons.

Everything here is a pure function from values to values; a compiled policy keeps a bounded memo of
what it has decided, which changes no answer. Nothing here grants: it says what the answering
member's own rules say (invariant `state-decides`).
Source: docs/adr/0008-rule-record.md, docs/explain/policy.md.
"""

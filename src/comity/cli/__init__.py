"""The command line: one file per command, each a thin edge over services, formats and audit.

Guarantee: exit codes and `--json` are a contract (docs/reference/exit-codes.md); no option switches
a safety off.
"""

"""Comity: each state's own rules decide every query, and a ledger proves it."""

__version__ = "0.1.0"

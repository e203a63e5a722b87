"""Twins of the adapters in memory: they pass the same contract tests, and carry the simulation."""

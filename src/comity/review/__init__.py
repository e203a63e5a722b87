"""Holds and what ends them: a reviewer's signed verdict, or the clock."""

"""The practice network: invented people, vehicles, agencies and traffic, the same for a seed.

Nothing here is a record of anybody. Every number carries a mark that no real one has (`PX` in
licence numbers, plates and ORIs, `0PX` at the head of a VIN, group 00 in a social security number,
555-01xx in a telephone number). Source: docs/explain/practice-world.md.
"""

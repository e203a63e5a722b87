"""The link: signed and sealed envelopes between gateways, commands between one member's processes.

Source: docs/adr/0009-envelope.md.
"""

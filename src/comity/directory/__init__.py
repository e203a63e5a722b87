"""The directory: agencies, hosts, reviewers and routes, each member signing its own part.

Source: docs/adr/0010-directory-parts.md.
"""

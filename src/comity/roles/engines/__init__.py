"""The engines that run under our own supervisor: PostgreSQL and nats-server.

Each engine is prepared (files, data, passwords), described as a supervised process, and found ready
by being used. Source: ADR 0001 (stack).
"""

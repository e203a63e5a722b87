"""The composition root: the only place where services meet adapters.

Everything is built from settings and the host's files; nothing here decides anything. A process
or command loads what it joins and no more: the console's pages, Cedar and z3 take a second that
the hub and most commands need not pay.
"""

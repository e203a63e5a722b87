"""The HTTPS front: agencies that ask by request instead of on a line that stays open.

Source: docs/adr/0015-http-front.md; docs/reference/http.md.
"""

from comity.front.http.desk import HttpDesk
from comity.front.http.lines import HttpLines, LineSwitch
from comity.front.http.server import HttpServer

__all__ = ["HttpDesk", "HttpLines", "HttpServer", "LineSwitch"]

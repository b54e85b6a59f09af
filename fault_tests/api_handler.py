"""The part of an HTTP server that every stand-in for the API needs."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any


class ApiHandler(BaseHTTPRequestHandler):
    """Issues tokens; subclasses answer GET requests with `respond`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.respond({"access_token": "t" * 40, "token_type": "Bearer", "expires_in": 3600})

    def respond(self, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keeps standard error clean."""

"""An API whose campaigns each have a page of 10,000 opens, with e-mails of 5 kB. Prints its port once it serves."""

from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fault_tests.api_handler import ApiHandler
from unit_tests._names import CAMPAIGNS_PATH

CAMPAIGNS, OPENS, BODY = 8, 10_000, 5_000


class LargePages(ApiHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: int(value) for name, [value] in parse_qs(url.query).items()}
        if url.path == CAMPAIGNS_PATH:
            self.respond([_campaign(910_000 + number) for number in range(CAMPAIGNS)])
        elif url.path == "/v1/get-emails-opened":
            self.respond([_opened(query["campaignId"], row) for row in range(query.get("offset", 0), OPENS)])
        else:
            self.send_error(404)


def _campaign(number: int) -> dict[str, Any]:
    began = {"created_at": 1760000000, "updated_at": 1760000000, "started_at": 1760000000}
    return {"id": number, "campaign": f"Campaign {number}", "list_id": 1, "status": "Active", "hash": "a", **began}


def _opened(campaign: int, row: int) -> dict[str, Any]:
    person = {"prospectEmail": f"{row}@example.com", "prospectFirstName": "Ada"}
    mail = {"emailSubject": "Hello", "emailBody": "y" * BODY}
    return {"id": f"{campaign}-{row}", "visitedAt": 1767344400, **person, **mail, "hash": "a"}


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), LargePages) as server:
        print(server.server_port, flush=True)
        server.serve_forever()

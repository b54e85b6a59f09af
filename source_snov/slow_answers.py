"""An answer that only drips in is given up after some minutes.

The timeouts of a request are for the connection and for each read: a body that arrives byte by byte keeps to both for
hours, and holds a thread, or all of them when it is the token's.
"""

import time
from io import BytesIO
from typing import Any

import requests
from requests.exceptions import ChunkedEncodingError, ReadTimeout
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

LONGEST_ANSWER = 300.0
"""Seconds that the body of one answer may take: a page of 10,000 e-mails is some MB."""

MOST_AT_ONCE = 2**16
"""Bytes of one read."""


def limit_answer(request: requests.PreparedRequest) -> None:
    """Has the body of the answer to this request read within LONGEST_ANSWER; requests.ReadTimeout if that fails."""
    if _read not in request.hooks["response"]:
        request.register_hook("response", _read)  # type: ignore[no-untyped-call]


def _read(response: requests.Response, *args: Any, **kwargs: Any) -> requests.Response:
    ends = time.monotonic() + LONGEST_ANSWER
    parts = []
    try:
        while part := response.raw.read1(MOST_AT_ONCE, decode_content=True):
            parts.append(part)
            if time.monotonic() > ends:
                response.close()
                raise ReadTimeout(f"The answer had not arrived after {LONGEST_ANSWER:g} seconds.", response=response)
    except HTTPError as error:
        raise ChunkedEncodingError(error) from error
    response.raw = HTTPResponse(BytesIO(b"".join(parts)), preload_content=False)
    return response

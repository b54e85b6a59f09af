"""Why no response came, in words: the innermost reason of an exception of `requests`, and what to do about it."""

import socket
import ssl
from collections.abc import Iterator

import requests

_RUN_AGAIN = "If this goes on, check that this machine can reach the API."


def described(error: BaseException, host: str) -> str:
    """One or two sentences about a request to `host` that failed; ends with the next step."""
    causes = list(_causes(error))
    texts = " ".join(str(cause) for cause in causes)
    through_proxy = any(isinstance(cause, requests.exceptions.ProxyError) for cause in causes)
    if through_proxy and "407" in texts:
        return (
            "The proxy demands a user name and password (HTTP 407). Put them into the proxy's URL in the environment "
            "variable HTTPS_PROXY, or have the proxy let this machine through."
        )
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return (
            f"The certificate of {host} is not trusted. If a proxy or firewall of your network inspects connections, "
            "point the environment variable REQUESTS_CA_BUNDLE to a file with its CA certificate."
        )
    what = "The proxy of the environment variable HTTPS_PROXY" if through_proxy else host
    if any(isinstance(cause, socket.gaierror) for cause in causes) or "Failed to resolve" in texts:
        named = f"The name of {'the proxy' if through_proxy else host} cannot be resolved"
        return f"{named}. Check api_url, the DNS of this machine, and whether it needs a proxy (HTTPS_PROXY)."
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"{what} refused the connection. Check its address and port, and whether a firewall is in between."
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return f"No secure connection with {what} was possible. Check whether a proxy or firewall is in between."
    if any(isinstance(cause, requests.exceptions.Timeout | TimeoutError) for cause in causes):
        return f"{what} did not answer in time. {_RUN_AGAIN}"
    if any(isinstance(cause, OSError) and cause.errno in _UNREACHABLE for cause in causes):
        return f"The network of this machine does not reach {what}. Check its connection."
    return f"The connection with {what} broke off. {_RUN_AGAIN}"


_UNREACHABLE = (101, 113)
"""errno of "network is unreachable" and "no route to host"."""


def cannot_pass(error: BaseException, tries: int) -> bool:
    """Whether trying again soon is in vain: an unknown name, an untrusted certificate, a proxy's 407, two refusals."""
    causes = list(_causes(error))
    kinds = (socket.gaierror, ssl.SSLCertVerificationError, *((ConnectionRefusedError,) if tries > 1 else ()))
    texts = " ".join(map(str, causes))
    return any(isinstance(cause, kinds) for cause in causes) or "Failed to resolve" in texts or "407" in texts


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, and all that it was made of; urllib3 keeps some in `reason` or among the arguments."""
    found: list[BaseException] = []
    left = [error]
    while left:
        cause = left.pop()
        if any(cause is known for known in found):
            continue
        found.append(cause)
        inner = [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *getattr(cause, "args", ())]
        left += [each for each in inner if isinstance(each, BaseException)]
    yield from found

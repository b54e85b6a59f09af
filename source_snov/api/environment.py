"""What requests take from the process's environment: the proxy, the CA certificates and `.netrc`.

The HTTP library reads them at each request, and raises errors that name no setting and quote the proxy's password.
"""

import os
import ssl
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

from requests.utils import get_environ_proxies, select_proxy

from source_snov.api.redaction import MIN_SECRET, hide
from source_snov.failures import config_error

PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that requests takes CA certificates from, the first that is set."""


def use_environment(api_url: str) -> None:
    """Masks the credentials of proxies, and keeps `.netrc` from replacing the access token.

    Raises AirbyteTracedException (config_error) for a proxy or a CA file that no request to `api_url` could use.
    """
    for value in getproxies_environment().values():
        _hide_credentials(value)
    # After a redirect, requests would send what .netrc has for the host instead of the token; before the first token,
    # it would send it beside the API User ID and API Secret.
    os.environ["NETRC"] = os.devnull
    proxy = select_proxy(api_url, get_environ_proxies(api_url))
    if proxy and not _is_proxy(proxy):
        raise config_error(
            f"The proxy in {_variable_of(proxy)} is not a valid URL. Write it like http://user:password@host:3128, "
            "with special characters in user and password percent-encoded (%40 for @, %2F for /), or unset it."
        )
    if api_url.lower().startswith("https:"):
        _check_ca_certificates()


def _hide_credentials(proxy: str) -> None:
    credentials, at, _ = proxy.rpartition("://")[2].rpartition("@")
    if not at:
        return
    user, _, password = credentials.partition(":")
    decoded = f"{unquote(user)}:{unquote(password)}"
    hide(credentials, decoded, *(text for text in (password, unquote(password)) if len(text) >= MIN_SECRET))


def _is_proxy(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = parts.port
    except ValueError:
        return False
    beyond = f"{parts.path}{parts.query}{parts.fragment}"
    return bool(parts.hostname) and port != 0 and parts.scheme in PROXY_SCHEMES and "@" not in beyond


def _variable_of(proxy: str) -> str:
    names = [name for name, value in os.environ.items() if name.lower().endswith("_proxy") and value == proxy]
    return " and ".join(names) or "the environment"


def _check_ca_certificates() -> None:
    variable = next((name for name in CA_VARIABLES if os.environ.get(name)), None)
    if not variable:
        return
    path = os.environ[variable]
    try:
        if os.path.isdir(path):
            ssl.create_default_context(capath=path)
        else:
            ssl.create_default_context(cafile=path)
    except OSError as error:
        reason = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "not CA certificates"
        raise config_error(
            f"{variable} names {path}, which cannot be used: {reason}. Let it name a file of CA certificates in PEM "
            "form that this user may read, or unset it."
        ) from None

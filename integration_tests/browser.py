"""Debian's headless Chromium, for tests of the report.

    python -m integration_tests.browser report.html docs/report.png

updates the screenshot in README.md, from a report of the sandbox's data.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from repo_tests.debian import install

CHROMIUM: Final = "/usr/bin/chromium"
DRIVER: Final = "/usr/bin/chromedriver"
PATIENCE: Final = 20.0
"""Seconds within which a page must draw its charts."""

FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)

Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Browser:
    """A browser with one page open."""

    driver: Chrome

    def open(self, page: Path) -> None:
        """Loads the page and waits for its charts. Clears the log of earlier pages."""
        self.errors()
        self.requests()
        self.driver.get(page.resolve().as_uri())
        WebDriverWait(self.driver, PATIENCE).until(
            lambda driver: driver.execute_script("return document.documentElement.dataset.charts") == "drawn"
        )

    def show(self, width: int, height: int, theme: Theme = "light") -> None:
        """Sets the size of the screen and the theme."""
        self._command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self._command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        # The charts are redrawn for the new width in the next frames.
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")

    def run(self, script: str, *arguments: Any) -> Any:
        """Runs a script in the page and returns its result."""
        return self.driver.execute_script(script, *arguments)

    def errors(self) -> list[str]:
        """Warnings and errors that the page has logged since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """URLs that the page has requested since the last call, except its own and data URLs."""
        messages = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        sent = (message["params"] for message in messages if message["method"] == "Network.requestWillBeSent")
        urls = (params["request"]["url"] for params in sent)
        return [url for url in urls if not url.startswith(("file:", "data:", "chrome:"))]

    def picture(self, target: Path, whole: bool = False) -> None:
        """Saves a screenshot of the screen, or of the whole page, as a PNG file."""
        taken = self._command("Page.captureScreenshot", captureBeyondViewport=whole, **self._clip(whole))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(base64.b64decode(taken["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        size = self._command("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {**size, "scale": 1}}

    def _command(self, name: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, parameters)


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium and its driver from Debian's packages, installed if missing and running as root on Debian."""
    _install()
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # With both paths given, Selenium neither searches for them nor downloads them.
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def _install() -> None:
    if not Path(CHROMIUM).exists() or not Path(DRIVER).exists():
        install("chromium", "chromium-driver")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take a screenshot of a page.")
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1206)
    parser.add_argument("--whole", action="store_true", help="the whole page")
    options = parser.parse_args()
    with browser() as opened:
        opened.show(options.width, options.height, options.theme)
        opened.open(options.page)
        opened.picture(options.picture, options.whole)


if __name__ == "__main__":
    main()

"""Debian's Chromium without a window, to look at a page as a reader does.

    python -m integration_tests.browser report.html docs/report.png

takes the picture that README.md shows, of a page made of the sandbox's data.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM: Final = "/usr/bin/chromium"
DRIVER: Final = "/usr/bin/chromedriver"
PATIENCE: Final = 20.0
"""Seconds within which a page has drawn its charts, or counts as broken."""

FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)

Theme = Literal["light", "dark"]


class Unavailable(Exception):
    """There is no Chromium here, and none can be installed; the message says why."""


@dataclass(frozen=True)
class Browser:
    """A browser with one page open."""

    driver: Chrome

    def open(self, page: Path) -> None:
        """Load the page and wait for its charts. What an earlier page logged is forgotten."""
        self.errors()
        self.requests()
        self.driver.get(page.resolve().as_uri())
        WebDriverWait(self.driver, PATIENCE).until(
            lambda driver: driver.execute_script("return document.documentElement.dataset.charts") == "drawn"
        )

    def show(self, width: int, height: int, theme: Theme = "light") -> None:
        """Look at the page as on a screen of this size, in this theme."""
        self._command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self._command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        # The charts are drawn anew for the new width in the next frames.
        self.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")

    def run(self, script: str, *arguments: Any) -> Any:
        """What the script returns in the page."""
        return self.driver.execute_script(script, *arguments)

    def errors(self) -> list[str]:
        """What the page has logged as a warning or an error since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The URLs that the page has asked for since the last call, its own and data in URLs aside."""
        messages = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        sent = (message["params"] for message in messages if message["method"] == "Network.requestWillBeSent")
        urls = (params["request"]["url"] for params in sent)
        return [url for url in urls if not url.startswith(("file:", "data:", "chrome:"))]

    def picture(self, target: Path, whole: bool = False) -> None:
        """Keep what is on the screen, or the whole page, as a PNG file."""
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
    """Chromium and its driver from Debian's packages; as root on Debian, they are installed where they are missing."""
    _install()
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # With both paths given, Selenium looks for neither, and downloads neither.
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def _install() -> None:
    if Path(CHROMIUM).exists() and Path(DRIVER).exists():
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise Unavailable(
            "The test of the page needs Debian's packages chromium and chromium-driver, which root installs with "
            "apt-get install chromium chromium-driver."
        )
    for command in ("update", "install --yes --no-install-recommends chromium chromium-driver"):
        result = subprocess.run(
            ["apt-get", "-qq", *command.split()],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            timeout=600,
        )
        if result.returncode:
            raise Unavailable(f"apt-get {command} failed:\n{result.stderr}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take a picture of the page's first screen.")
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

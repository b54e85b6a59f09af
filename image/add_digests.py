"""Gives each component of a CycloneDX list the digest of the wheel that it was installed from.

`python3 add_digests.py REPORT LIST`: REPORT is what `pip install --report` wrote, LIST the file to complete. A
component that pip did not install raises KeyError.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(report: Path, listing: Path) -> None:
    installed = json.loads(report.read_text())["install"]
    digests = {
        normalized(one["metadata"]["name"]): one["download_info"]["archive_info"]["hashes"]["sha256"]
        for one in installed
    }
    bom = json.loads(listing.read_text())
    for component in bom["components"]:
        component["hashes"] = [{"alg": "SHA-256", "content": digests[normalized(component["name"])]}]
    listing.write_text(json.dumps(bom, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

"""Adds the digest of its wheel to each component of a CycloneDX list.

`python3 add_digests.py REPORT LIST`: REPORT is the output of `pip install --report`, LIST the file to update. Raises
KeyError for a component that pip did not install.
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

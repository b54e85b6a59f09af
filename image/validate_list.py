"""Exits with a message if a list does not match CycloneDX's schema, or has fields that the schema does not define.

`python validate_list.py LIST`, in an environment with lister.txt.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main(listing: Path) -> None:
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(listing.read_text())
    if problem:
        where, what = problem.data.json_path, problem.data.message
        sys.exit(f"{listing} does not match the schema of CycloneDX 1.6. {where}: {what}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

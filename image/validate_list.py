"""Ends with a message if a list breaks CycloneDX's schema, or has anything in it that the schema does not know.

`python validate_list.py LIST`, by a Python that has the packages of lister.txt.
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
        sys.exit(f"{listing} is not valid by the schema of CycloneDX 1.6. {where}: {what}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

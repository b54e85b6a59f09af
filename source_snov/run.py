"""The command line: `source-snov spec | check | discover | read`."""

import sys

from airbyte_cdk.entrypoint import launch

from source_snov.source import SourceSnov


def run() -> None:
    launch(SourceSnov(), sys.argv[1:])

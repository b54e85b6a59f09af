"""A defect of Python before 3.11.8 (cpython#106905): two threads that parse text at the same time may fail.

The CDK parses the outcome of every template, so now and then a sync of several workers ended in
`SystemError: AST constructor recursion depth mismatch`.
"""

import sys
from threading import RLock
from typing import Any

from airbyte_cdk.sources.declarative.interpolation.jinja import JinjaInterpolation

_lock = RLock()


def parse_in_turn() -> None:
    """Has templates' outcomes parsed one after the other, where Python needs it."""
    if sys.version_info >= (3, 11, 8):
        return
    parse = JinjaInterpolation._literal_eval

    def in_turn(self: JinjaInterpolation, result: str | None, valid_types: Any) -> Any:
        with _lock:
            return parse(self, result, valid_types)

    JinjaInterpolation._literal_eval = in_turn  # type: ignore[method-assign]

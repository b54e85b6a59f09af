"""Leaves out what the import of the CDK does for nobody, which is half of the time it takes."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

try:
    import attributes_doc
except ImportError:  # serpyco-rs may do without it one day
    attributes_doc = None  # type: ignore[assignment]


@contextmanager
def quick_import() -> Iterator[None]:
    """What is imported within the block does without, and nothing that is imported later:

    - descriptions of the protocol's fields, for which serpyco-rs parses the source code of each class again and again
      (only JSON schemas of the protocol have them, and no command prints one);
    - boto3, with which requests-cache can keep answers in DynamoDB, and which it takes as one that is not installed;
    - the collection of garbage, of which an import leaves next to none.
    """
    collecting = gc.isenabled()
    gc.disable()
    describe = attributes_doc and attributes_doc.get_attributes_doc
    boto3_known = "boto3" in sys.modules
    if describe:
        attributes_doc.get_attributes_doc = _undescribed
    if not boto3_known:
        sys.modules["boto3"] = None  # type: ignore[assignment]  # how Python is told that there is none
    try:
        yield
    finally:
        if describe:
            attributes_doc.get_attributes_doc = describe
        if not boto3_known:
            del sys.modules["boto3"]
        if collecting:
            gc.enable()


def _undescribed(cls: type) -> dict[str, str]:
    return {}

"""What a configuration holds, as the manifest declares it."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def specification() -> dict[str, Any]:
    """The specification as the Airbyte protocol names its parts.

    Read without the CDK, whose import takes twenty times as long, and nothing else is needed by somebody who asks for
    the form.
    """
    # The parser written in C is there in every wheel of PyYAML, but not in every build of it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    declared = yaml.load(files(__package__).joinpath("manifest.yaml").read_bytes(), loader)["spec"]
    return {
        "documentationUrl": declared["documentation_url"],
        "connectionSpecification": declared["connection_specification"],
    }

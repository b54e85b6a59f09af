"""Failures with a message for the user. internal: the text for the log, if it differs."""

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils import AirbyteTracedException


def config_error(message: str, internal: str = "") -> AirbyteTracedException:
    """A failure that the user can fix."""
    return AirbyteTracedException(
        message=message, internal_message=internal or message, failure_type=FailureType.config_error
    )


def system_error(message: str, internal: str = "") -> AirbyteTracedException:
    """A failure caused by Snov.io, the connector or the machine."""
    return AirbyteTracedException(
        message=message, internal_message=internal or message, failure_type=FailureType.system_error
    )

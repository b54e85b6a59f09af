"""Failures with a message for the user. internal: for the log, if that is to say something else."""

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils import AirbyteTracedException


def config_error(message: str, internal: str = "") -> AirbyteTracedException:
    """What the user can mend."""
    return AirbyteTracedException(
        message=message, internal_message=internal or message, failure_type=FailureType.config_error
    )


def system_error(message: str, internal: str = "") -> AirbyteTracedException:
    """What Snov.io, the connector or the machine is at fault for."""
    return AirbyteTracedException(
        message=message, internal_message=internal or message, failure_type=FailureType.system_error
    )

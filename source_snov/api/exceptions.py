"""The failures that callers tell apart."""

from copy import copy
from typing import TypeVar

from airbyte_cdk.utils import AirbyteTracedException

from source_snov.failures import config_error, system_error

NOT_THERE = "it or a part of it was deleted, or this API user may not see it."


class EntityNotFound(AirbyteTracedException):
    """The API says that the campaign, or other entity, is not there; the caller skips it.

    optional: whether the stream may be left out, so that all of it may be missing. why: for the log.
    """

    optional = False
    why = NOT_THERE


class NotAsDocumented(EntityNotFound):
    """What the API says of one entity is in an unknown form; the others may be as they should."""

    why = "what Snov.io says of it is not as documented."


class StreamUnavailable(AirbyteTracedException):
    """The account's plan does not include what an optional stream asks for, or the API does not know its path."""

    optional = True
    why = NOT_THERE


class NothingToAsk(Exception):
    """Nothing in the campaign could be asked about, so that nothing shows whether the API knows the path."""


class RequestNotAccepted(AirbyteTracedException):
    """The API refuses a request without saying whether what was asked about is there.

    timed_out: whether a gateway did not wait for the response, so that it says nothing about what was asked about.
    """

    timed_out = False


MAX_MISSING = 10
"""Entities that are missing, with none present, after which all count as missing."""

MAX_REFUSED = 3
"""Entities refused to this user, with none readable, after which the plan is taken not to include them. A single one
may be another user's."""


def nothing_there(stream: str, things: str, cause: str) -> AirbyteTracedException:
    """All that a stream asks about is missing; an empty table would replace a full one.

    things: such as "12 campaigns".
    """
    return system_error(
        f"Snov.io says of each of the {things} that there is nothing to read for {stream}. The account's plan "
        "may not cover it, or the API has changed: check the plan, then report this to the connector's maintainers.",
        f"Nothing was there for {stream}. {cause}",
    )


E = TypeVar("E", bound=Exception)


def again(failure: E) -> E:
    """The same failure without its traceback, which grows by each place that raises it again."""
    fresh = copy(failure)
    fresh.__traceback__ = fresh.__cause__ = fresh.__context__ = None
    return fresh


def out_of_memory(when: str) -> AirbyteTracedException:
    """when: such as "while it read email_opens"."""
    message = (
        f"The connector ran out of memory {when}. Give it more, or read fewer pages at once with a lower num_workers, "
        "then sync again."
    )
    return system_error(message)


def filter_ignored(stream: str, things: str) -> AirbyteTracedException:
    """things: such as "sender accounts"."""
    text = (
        f"{stream}: Snov.io gives the figures of all {things} whichever one is asked for. Deselect the stream, and "
        "report this to the connector's maintainers."
    )
    return system_error(text)


def too_many_campaigns(stream: str, reason: str) -> AirbyteTracedException:
    """For chosen campaigns that one request cannot name: naming none would mean all of the account."""
    text = f"{stream}: one request cannot name all of these campaigns. {reason} Name fewer in campaign_ids."
    return config_error(text)

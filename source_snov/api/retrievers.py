"""Retrievers whose requests name things found in another response: contents of steps, and addresses of recipients."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.retrievers import SimpleRetriever
from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.types import Record, StreamSlice

from source_snov.api.exceptions import EntityNotFound, NotAsDocumented, NothingToAsk
from source_snov.api.requesters import SharedRequester, with_fields
from source_snov.records.body import content_of, json_of
from source_snov.records.notices import Notices
from source_snov.records.shared import Once, Shared
from source_snov.records.steps import StepContent, contents_of

logger = logging.getLogger("airbyte.snov")

MAX_ADDRESSES = 100
"""Addresses that one request may name (API reference 2.5)."""

MAX_ADDRESS = 100
"""Characters of an address that a request may name (API reference 2.5)."""

MAX_QUERY = 7_000
"""Characters of a query: common servers accept 8,192 for the request line."""

MAX_GONE = 2
"""Contents of a campaign that are gone, with none before them, after which it counts as missing."""


@dataclass(kw_only=True)
class StepContentsRetriever(SimpleRetriever):
    """Reads each content of a campaign's e-mail steps, named by the slice's extra fields (see StepContent).

    settings: requests the campaign's settings, which list them. A content that is gone is skipped with a warning, but
    the campaign if the first MAX_GONE are, since the API may not know the path. Raises NothingToAsk, as the other does.
    """

    settings: SharedRequester

    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[StreamData]:
        assert stream_slice is not None
        contents = self._contents(stream_slice)
        gone: list[int] = []
        reason = ""
        for place, content in enumerate(contents, start=1):
            try:
                yield from super().read_records(records_schema, with_fields(stream_slice, **content._asdict()))
            except EntityNotFound as refusal:
                gone.append(content.content_id)
                if len(gone) == place == min(len(contents), MAX_GONE):
                    raise
                reason = str(refusal.message)
        if not contents:
            raise NothingToAsk
        if gone:
            logger.warning(
                f"{self.name}: campaign {stream_slice['campaign_id']} is skipped in part: its contents "
                f"{', '.join(map(str, gone))} were deleted meanwhile. {reason}"
            )

    def _contents(self, stream_slice: StreamSlice) -> Sequence[StepContent]:
        response = self.settings.send_request(stream_slice=stream_slice)
        settings = content_of(json_of(response), "data") if response is not None else {}
        try:
            return list(contents_of(settings))
        except ValueError as problem:
            text = f"Its settings have {problem}. Report this to the connector's maintainers."
            raise NotAsDocumented(message=text, internal_message=text, failure_type=FailureType.system_error) from None


class _Addresses(Once):
    """The addresses of each prospect list that a sync has read."""


@dataclass(kw_only=True)
class RecipientStatusesRetriever(SimpleRetriever):
    """Asks about all addresses of the campaign's prospect list: `emails`, an extra field of the slice of each request.

    prospects: the stream that reads a list.
    """

    prospects: DefaultStream
    api_budget: Shared

    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[StreamData]:
        assert stream_slice is not None
        list_id = stream_slice.extra_fields.get("list_id")
        if not list_id:
            # One that was never started may have none yet.
            if stream_slice.extra_fields.get("started_at"):
                self._notices.add(
                    (self.name, "no list"),
                    f"{self.name}: campaign {stream_slice['campaign_id']} has no prospect list, so nobody in it can be "
                    "asked about.",
                )
            raise NothingToAsk
        addresses = self._addresses(int(list_id))
        if not addresses:
            raise NothingToAsk
        for emails in _requests(addresses):
            left = {email.lower() for email in emails}
            asked = frozenset(left)
            for record in super().read_records(records_schema, with_fields(stream_slice, emails=emails)):
                email = str(record.get("email")).lower() if isinstance(record, Record) else ""
                if email not in asked:
                    self._notices.add(
                        (self.name, "another"),
                        f"{self.name}: Snov.io also answers about addresses that it was not asked about, such as one "
                        f"of campaign {stream_slice['campaign_id']}. These rows are left out. Report this to the "
                        "connector's maintainers.",
                    )
                    continue
                left.discard(email)
                yield record
            answered = len(emails) - len(left)
            if left:
                self._notices.add(
                    (self.name, "fewer"),
                    f"{self.name}: asked about {len(emails)} addresses, Snov.io answered about {answered}.",
                )

    @property
    def _notices(self) -> Notices:
        return self.api_budget.shared(Notices)

    def _addresses(self, list_id: int) -> Sequence[str]:
        shared = self.api_budget.shared(_Addresses)
        return shared.get(list_id, lambda: list(self._listed(list_id)))  # type: ignore[no-any-return]

    def _listed(self, list_id: int) -> Iterator[str]:
        of_list = StreamSlice(partition={"list_id": list_id}, cursor_slice={})
        seen: set[str] = set()
        nameless = 0
        for record in slices_of(self.prospects)._partition_factory.create(of_list).read():
            entries = record.data.get("emails") or ()
            nameless += not entries
            for entry in entries:
                address = entry.get("email") if isinstance(entry, Mapping) else None
                if not address or address.lower() in seen:
                    continue
                seen.add(address.lower())
                if len(address) <= MAX_ADDRESS:
                    yield address
                else:
                    self._notices.add(
                        (self.name, "too long"),
                        f"{self.name}: Snov.io cannot be asked about addresses of over {MAX_ADDRESS} characters.",
                    )
        if nameless and not seen:
            self._notices.add(
                (self.name, "no address"),
                f"{self.name}: none of the {nameless:,} prospects of list {list_id} has an address, as far as Snov.io "
                "says, so nobody can be asked about.",
            )


def slices_of(declared: DefaultStream) -> StreamSlicerPartitionGenerator:
    """What makes the partitions of a declared stream; the CDK has no other way to make further ones."""
    slices = declared._stream_partition_generator
    assert isinstance(slices, StreamSlicerPartitionGenerator)
    return slices


def _requests(addresses: Sequence[str]) -> Iterator[Sequence[str]]:
    """The addresses of each request: as many as it may name, and as its URL can hold."""
    batch: list[str] = []
    length = 0
    for address in addresses:
        takes = len(quote_plus(f"&emails[]={address}"))
        if batch and (len(batch) == MAX_ADDRESSES or length + takes > MAX_QUERY):
            yield batch
            batch, length = [], 0
        batch.append(address)
        length += takes
    if batch:
        yield batch

"""Orbit Mean-Elements Messages in the three forms that CelesTrak and Space-Track serve: JSON, CSV, XML."""

import csv
import io
import json
from collections.abc import Iterator, Mapping

from sandbox.errors import SandboxError

Fields = Mapping[str, object]


def read_json(text: str, source: str) -> Iterator[Fields]:
    """The fields of each message of a JSON text: a list of objects, or one object."""
    try:
        messages = json.loads(text)
    except json.JSONDecodeError as error:
        raise SandboxError(
            f"{source}, line {error.lineno}: not JSON ({error.msg}); fetch the file again."
        ) from None
    for message in messages if isinstance(messages, list) else [messages]:
        if not isinstance(message, dict):
            raise SandboxError(
                f"{source}: {message!r} stands where an OMM object should; fetch the file again."
            )
        yield message


def read_csv(text: str, source: str) -> Iterator[Fields]:
    """The fields of each row of a CSV text with a header."""
    rows = csv.DictReader(io.StringIO(text))
    for row in rows:
        if None in row or None in row.values():
            raise SandboxError(
                f"{source}, line {rows.line_num}: the row does not have as many fields as the header."
            )
        yield row


def read_xml(text: str, source: str) -> Iterator[Fields]:
    """The fields of each `segment` of an XML text. Entities are refused (defusedxml)."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(text)
    except ParseError as error:
        raise SandboxError(f"{source}: not OMM as XML ({error}); fetch the file again.") from None
    except DefusedXmlException:
        raise SandboxError(
            f"{source}: the XML declares entities, which OMM never does; do not use it."
        ) from None
    for segment in root.iter("segment"):
        yield {leaf.tag: leaf.text for leaf in segment.iter() if len(leaf) == 0}

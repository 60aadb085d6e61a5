"""Forms with files in them, `multipart/form-data` by RFC 7578, as all kinds of clients write them."""

import re
from email.message import Message
from typing import Final

from aws_lambda_powertools.event_handler.openapi.params import UploadFile
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from rottenbot.problems import BadRequestError

MEDIA_TYPE: Final = "multipart/form-data"
MAX_PARTS: Final = 100
MAX_HEADERS: Final = 16
MAX_HEADER_BYTES: Final = 16 * 1024  # room for a file's name of 10 KB
MAX_ALL_HEADERS_BYTES: Final = 64 * 1024
AS_THEY_ARE: Final = ("", "7bit", "8bit", "binary")
NO_FORM: Final = "The body is not the multipart form that its content type announces"
Fields = dict[str, UploadFile | list[UploadFile]]


def read(content_type: str, body: bytes) -> Fields:
    """The fields of a form by name, each as it was sent and with its part's media type if that has one; a list where
    several have the same name. A file's name is not decoded: clients agree on no charset for it.

    Raises BadRequestError for a body that is no form, is cut off, or has more parts or larger headers than any client
    sends.
    """
    boundary = _boundary(content_type)
    fields: dict[str, list[UploadFile]] = {}
    try:
        for segment, data in _segments(boundary, _without_padding(boundary, body)):
            file = UploadFile(content=data, filename=segment.filename, content_type=segment.content_type)
            fields.setdefault(segment.name or "", []).append(file)
    except ParserLimitReached as error:
        raise BadRequestError("The form has more parts, or longer headers in its parts, than are taken.") from error
    except MultipartError as error:
        raise BadRequestError(f"{NO_FORM}: {error}.") from error
    return {name: files[0] if len(files) == 1 else files for name, files in fields.items()}


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary()
    if not boundary:
        raise BadRequestError(f"{NO_FORM}: that has no boundary.")
    return boundary.encode(errors="replace")


def _segments(boundary: bytes, body: bytes) -> list[tuple[MultipartSegment, bytes]]:
    segments: list[tuple[MultipartSegment, list[bytes]]] = []
    length = 0
    parser = PushMultipartParser(
        boundary,
        max_header_size=MAX_HEADER_BYTES,
        max_header_count=MAX_HEADERS,
        max_segment_count=MAX_PARTS,
        header_charset="latin-1",  # in which any bytes are text
    )
    for event in parser.parse(body) if body else ():
        if isinstance(event, MultipartSegment):
            length += sum(len(value) for _, value in event.headerlist)
            if length > MAX_ALL_HEADERS_BYTES:  # folded ones cost the parser their length squared
                raise ParserLimitReached("Maximum length of all headers exceeded")
            _require_plain(event)
            segments.append((event, []))
        elif event:
            segments[-1][1].append(bytes(event))
    try:
        parser.close()
    except MultipartError as error:
        began = b"--" + boundary in body
        reason = "The form is cut off: its last boundary is missing." if began else f"{NO_FORM}: no boundary is in it."
        raise BadRequestError(reason) from error
    return [(segment, b"".join(parts)) for segment, parts in segments]


def _require_plain(segment: MultipartSegment) -> None:
    if (segment.content_type or "").startswith("multipart/"):
        raise BadRequestError("A part of the form is a form itself: send each file as a part of its own.")
    if segment.header("Content-Transfer-Encoding", "").strip().lower() not in AS_THEY_ARE:
        raise BadRequestError("A part of the form has a Content-Transfer-Encoding: send its bytes as they are.")


def _without_padding(boundary: bytes, body: bytes) -> bytes:
    # RFC 2046 lets spaces follow a boundary, and the parser does not.
    delimiter = b"--" + boundary
    end = body.find(delimiter) + len(delimiter)
    if body[end : end + 1] not in (b" ", b"\t"):
        return body
    return re.sub(re.escape(delimiter) + rb"[ \t]+(?=\r\n)", lambda _: delimiter, body)

"""The request side of purser_server: the body as a file, and the WSGI environment."""

import io
import sys
import tempfile
import urllib.parse

MAX_LINE = 65536
IN_MEMORY = 1 << 16


class BadRequest(Exception):
    """The front sent what HTTP does not allow."""


class FrontGone(Exception):
    """The front closed the connection; nobody waits for this answer."""


class Body(io.RawIOBase):
    """A request body of known length; reading ends there, not at the connection's end."""

    def __init__(self, source, length):
        self.source = source
        self.left = length

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.left or not len(buffer):
            return 0
        data = self.source.read1(min(len(buffer), self.left))
        if not data:
            raise FrontGone("the request body ended early")
        buffer[: len(data)] = data
        self.left -= len(data)
        return len(data)


def collect_chunks(source):
    """A chunked request body as a file, and its length."""
    body = tempfile.SpooledTemporaryFile(IN_MEMORY)
    while True:
        line = source.readline(MAX_LINE)
        digits = line.split(b";", 1)[0].strip()
        if not line.endswith(b"\n") or not digits or digits.strip(b"0123456789abcdefABCDEF"):
            raise BadRequest("chunk size")
        left = int(digits, 16)
        if left == 0:
            break
        while left:
            data = source.read1(min(left, IN_MEMORY))
            if not data:
                raise FrontGone("the request body ended early")
            body.write(data)
            left -= len(data)
        if source.readline(MAX_LINE).strip():
            raise BadRequest("chunk end")
    while source.readline(MAX_LINE).strip():
        pass  # trailers
    length = body.tell()
    body.seek(0)
    return body, length


def open_body(headers, source):
    """The request body as a file, and its length (None if the request has no body)."""
    encoding = headers.get("Transfer-Encoding")
    length = headers.get("Content-Length")
    if encoding is not None:
        if encoding.strip().lower() != "chunked" or length is not None:
            raise BadRequest("framing")
        return collect_chunks(source)
    if length is None:
        return Body(source, 0), None
    if not (length.isascii() and length.isdigit()):
        raise BadRequest("Content-Length")
    return Body(source, int(length)), int(length)


def environ(request, body, length):
    """The WSGI environment of a parsed request, but for wsgi.multithread."""
    path, _, query = request.path.partition("?")
    scheme = request.headers.get("X-Forwarded-Proto", "http")
    result = {
        "REQUEST_METHOD": request.command,
        "SCRIPT_NAME": "",
        "PATH_INFO": urllib.parse.unquote(path, "iso-8859-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": request.path,
        "SERVER_NAME": "",  # python.py sets these, for gunicorn as well
        "SERVER_PORT": "",
        "SERVER_PROTOCOL": request.request_version,
        "SERVER_SOFTWARE": "purser",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": io.BufferedReader(body) if isinstance(body, Body) else body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if length is not None:
        result["CONTENT_LENGTH"] = str(length)
    for name, value in request.headers.items():
        add_header(result, name, value.strip())
    return result


def add_header(result, name, value):
    key = name.upper().replace("-", "_")
    if "_" in name or key in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
        return  # a_b and a-b would be the same key: the front sends only the latter
    if key != "CONTENT_TYPE":
        key = "HTTP_" + key
    if key in result:
        value = result[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
    result[key] = value

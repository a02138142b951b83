"""A small threaded WSGI server on a unix socket, of the standard library only (PEP 3333).

HTTP/1.1 with keep-alive. A chunked request body is collected first, so that the app sees a
CONTENT_LENGTH. TERM lets the running requests end. The only peer is Purser's front.
"""

import contextlib
import errno
import http.client
import http.server
import signal
import socket as sockets
import threading
import time
import traceback

from purser_request import (
    IN_MEMORY, MAX_LINE, BadRequest, Body, FrontGone, environ, open_body,
)

HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}
http.client._MAXHEADERS = 10000  # how many fields there may be is the front's to say
LACKS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
MAX_DRAIN = 1 << 20  # of a body that the app left unread, before the connection is given up


class Stopped(BaseException):
    pass


class Server:
    """Counts the running requests, lets at most `threads` of them run, and waits for them."""

    def __init__(self, application, threads):
        self.application = application
        self.multithread = threads != 1
        self.stopping = False
        self.running = 0
        self.changed = threading.Condition()
        self.slots = threading.BoundedSemaphore(threads) if threads else contextlib.nullcontext()

    @contextlib.contextmanager
    def request(self):
        with self.changed:
            self.running += 1
        try:
            with self.slots:
                yield
        finally:
            with self.changed:
                self.running -= 1
                self.changed.notify_all()

    def drain(self):
        with self.changed:
            self.stopping = True
            self.changed.wait_for(lambda: self.running == 0)


class Response:
    """What the app answers, on its way to the front."""

    def __init__(self, connection):
        self.connection = connection
        self.status = None
        self.headers = []
        self.started = False
        self.chunked = False
        self.left = None  # bytes still to come, if the app told its Content-Length

    def start(self, status, headers, exc_info=None):
        if exc_info:
            try:
                if self.started:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.status:
            raise AssertionError("start_response was called twice")
        self.status, self.headers = status, headers
        return self.write

    def write(self, data):
        if data or not isinstance(data, bytes):
            self.send(data)

    def send(self, data, last=False):
        if not isinstance(data, bytes):
            raise TypeError("the app answered with %s where bytes are wanted" % type(data).__name__)
        out = b"" if self.started else self.head(data, last)
        if self.bodyless():
            data = b""
        if self.left is not None:
            data = data[: self.left]
            self.left -= len(data)
        if data and self.chunked:
            out += b"%x\r\n" % len(data) + data + b"\r\n"
        else:
            out += data
        if last and self.chunked:
            out += b"0\r\n\r\n"
        self.started = True
        if out:
            self.transmit(out)

    def transmit(self, out):
        try:
            self.connection.wfile.write(out)
        except OSError as error:
            raise FrontGone(str(error)) from error

    def finish(self):
        self.send(b"", last=True)
        if self.left and not self.bodyless():
            self.connection.close_connection = True  # the app promised more

    def bodyless(self):
        return self.connection.command == "HEAD" or self.status[:3] in ("204", "304")

    def head(self, data, last):
        if not self.status:
            raise AssertionError("the app answered without start_response")
        names = {name.lower() for name, _ in self.headers}
        lines = ["HTTP/1.1 " + self.status]
        lines += ["%s: %s" % (n, v) for n, v in self.headers if n.lower() not in HOP_BY_HOP]
        if "content-length" in names:
            self.left = int(next(v for n, v in self.headers if n.lower() == "content-length"))
        elif self.bodyless():
            pass
        elif last:
            lines.append("Content-Length: 0")
        elif self.connection.request_version == "HTTP/1.1":
            self.chunked = True
            lines.append("Transfer-Encoding: chunked")
        else:
            self.connection.close_connection = True
        if self.connection.server.stopping:
            self.connection.close_connection = True
        if self.connection.close_connection:
            lines.append("Connection: close")
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a response header holds a line break")
        return "\r\n".join(lines).encode("iso-8859-1") + b"\r\n\r\n"


class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass  # the front keeps the access log

    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline(MAX_LINE + 1)
        if not self.raw_requestline:
            self.close_connection = True
            return
        with self.server.request():
            if len(self.raw_requestline) > MAX_LINE:
                self.requestline = self.request_version = self.command = ""
                self.send_error(414)
                self.close_connection = True
            elif self.parse_request():
                self.answer()

    def answer(self):
        try:
            body, length = open_body(self.headers, self.rfile)
        except BadRequest as reason:
            self.close_connection = True
            self.send_error(400, "bad " + str(reason))
            return
        response = Response(self)
        request = environ(self, body, length)
        request["wsgi.multithread"] = self.server.multithread
        try:
            self.run(request, response)
        except FrontGone:
            self.close_connection = True
        except BaseException:  # also SystemExit: this thread ends no process
            self.failed(response)
        self.drain(body)

    def run(self, request, response):
        result = self.server.application(request, response.start)
        try:
            for data in result:
                response.write(data)
            response.finish()
        finally:
            if hasattr(result, "close"):
                result.close()

    def failed(self, response):
        traceback.print_exc()
        if response.started:
            self.close_connection = True
            return
        text = b"Internal Server Error\n"
        response = Response(self)  # whatever the failed one had begun to say is forgotten
        response.start("500 Internal Server Error", [
            ("Content-Type", "text/plain"), ("Content-Length", str(len(text))),
        ])
        response.send(text, last=True)

    def drain(self, body):
        if not isinstance(body, Body) or self.close_connection:
            return
        if body.left > MAX_DRAIN or body.closed:
            self.close_connection = True
            return
        while body.left and body.read(IN_MEMORY):
            pass


def talk(connection, server):
    with connection, contextlib.suppress(OSError, FrontGone):
        Connection(connection, ("", 0), server)


def stop(*_):
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


def accept(listener):
    """The next connection; None if there is no descriptor for one."""
    try:
        return listener.accept()[0]
    except OSError as failure:
        if failure.errno not in LACKS:
            raise
    time.sleep(0.05)  # some request ends and gives back what it has: who connects waits so long
    return None


def serve(application, path, threads):
    """Serves application on the unix socket path until TERM; threads 0 is no limit."""
    server = Server(application, threads)
    listener = sockets.socket(sockets.AF_UNIX)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        listener.bind(path)
        listener.listen(1024)
        while True:
            connection = accept(listener)
            if connection:
                threading.Thread(target=talk, args=(connection, server), daemon=True).start()
    except Stopped:
        listener.close()
        server.drain()

"""The WSGI app of the black-box tests: its version is read at boot."""
import os
import sys

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "VERSION")) as f:
    VERSION = f.read().strip()

if VERSION == "broken":
    raise RuntimeError("this release is broken")


def application(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length).decode()
    server = "gunicorn" if "gunicorn" in sys.modules else "plain"
    text = "v=%s pid=%d python server=%s method=%s path=%s body=%s\n" % (
        VERSION, os.getpid(), server, environ["REQUEST_METHOD"], environ["PATH_INFO"], body)
    data = text.encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))])
    return [data]

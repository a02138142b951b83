"""The ASGI app of the black-box tests: its version is read at boot."""
import os
import sys

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "VERSION")) as f:
    VERSION = f.read().strip()

if VERSION == "broken":
    raise RuntimeError("this release is broken")


async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    server = "uvicorn" if "uvicorn" in sys.modules else "hypercorn"
    text = "v=%s pid=%d python server=%s method=%s path=%s body=%s\n" % (
        VERSION, os.getpid(), server, scope["method"], scope["path"], body.decode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text.encode()})

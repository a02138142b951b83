"""Serves an ASGI app with the server that its Python has: uvicorn, else hypercorn."""

import asyncio
import importlib.util
import inspect
import os
import signal
import sys
import urllib.parse

# Longer than the front keeps an idle connection, so that it is never closed under a new request.
KEEPALIVE = 600
A_DAY = 86400
MAX_HEAD = 1 << 24  # how long it may be is the front's to say


def serve(app, startup, socket):
    """Serves app on the unix socket, which is there only when the app's own startup (lifespan) is done."""
    function = behind_front(app.function)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # what is raised again when all is served
    if importlib.util.find_spec("uvicorn"):
        serve_with_uvicorn(function, socket)
    elif importlib.util.find_spec("hypercorn"):
        serve_with_hypercorn(function, socket)
    else:
        sys.exit("%s defines an ASGI app, and %s has no server for one: pip install uvicorn, or hypercorn"
                 % (startup, sys.executable))


def serve_with_uvicorn(function, socket):
    import uvicorn

    known = inspect.signature(uvicorn.Config).parameters
    settings = {
        "uds": socket,
        "interface": "asgi3",
        "proxy_headers": False,  # behind_front knows the front
        "access_log": False,
        "log_level": "warning",
        "timeout_keep_alive": KEEPALIVE,
        "h11_max_incomplete_event_size": MAX_HEAD,
    }
    config = uvicorn.Config(function, **{k: v for k, v in settings.items() if k in known})  # older ones know fewer
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        sys.exit(3)  # the app's startup failed, and uvicorn has said how


def serve_with_hypercorn(function, socket):
    from hypercorn.asyncio import serve as serve_in_loop
    from hypercorn.config import Config

    config = Config()
    config.bind = ["unix:" + socket]
    config.accesslog, config.errorlog, config.loglevel = None, "-", "WARNING"
    config.graceful_timeout = A_DAY  # a slow stop is Purser's to judge
    config.h11_max_incomplete_size = MAX_HEAD

    async def main():
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve_in_loop(closing(function), config, shutdown_trigger=stop.wait)

    asyncio.run(main())


def closing(function):
    """Each answer says that its connection is closed.

    hypercorn (0.13) closes one without a word if the next request comes before it has done with the last.
    """

    async def wrapped(scope, receive, send):
        async def send_closing(message):
            if message["type"] == "http.response.start":
                message = dict(message, headers=[*message.get("headers", ()), (b"connection", b"close")])
            await send(message)

        await function(scope, receive, send_closing if scope["type"] == "http" else send)

    return wrapped


def behind_front(function):
    """The peer is always the front: what it says about the client is true."""
    if list(inspect.signature(function).parameters) == ["scope"]:
        function = of_version_2(function)
    base = urllib.parse.unquote(os.environ.get("PURSER_PATH", ""))

    async def wrapped(scope, receive, send):
        if scope["type"] in ("http", "websocket"):
            scope = seen_from_outside(scope, base)
        try:
            await function(scope, receive, send)
        except SystemExit as exit:  # would end the loop, and all requests in it
            raise RuntimeError("SystemExit: %s" % exit) from exit

    return wrapped


def of_version_2(function):
    async def wrapped(scope, receive, send):
        await function(scope)(receive, send)

    return wrapped


def seen_from_outside(scope, base):
    """The scope of a request as the client sees it."""
    fields = {name: value.decode("iso-8859-1") for name, value in scope["headers"]}
    scheme = fields.get(b"x-forwarded-proto", "http")
    host, colon, port = fields.get(b"host", "localhost").rpartition(":")
    if not (colon and port.isdigit()):
        host = fields.get(b"host", "localhost")
        port = fields.get(b"x-forwarded-port") or ("443" if scheme == "https" else "80")
    if scope["type"] == "websocket":
        scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    outside = dict(scope, scheme=scheme, client=(fields.get(b"x-real-ip", ""), 0), server=(host, int(port)))
    path = scope["path"]
    if base and (path == base or path.startswith(base + "/")):
        outside["root_path"] = base
        if takes_no_root_in_path():
            outside["path"] = path[len(base) :] or "/"
    return outside


def takes_no_root_in_path():
    """ASGI's path begins with root_path. Starlette before 0.33, and FastAPI with it, knew no route then."""
    starlette = sys.modules.get("starlette")
    if not starlette:
        return False
    version = tuple(int(n) for n in starlette.__version__.split(".")[:2] if n.isdigit())
    return version < (0, 33)

"""Serves one WSGI app for Purser: python.py STARTUP_FILE SOCKET THREADS

With gunicorn if the app's Python has it, else with purser_server. THREADS is how many requests the
app is given at once; 0 is no limit. The app's gunicorn.conf.py and GUNICORN_CMD_ARGS are not read:
they would move the socket and the number of workers.
"""

import faulthandler
import importlib
import importlib.machinery
import importlib.util
import os
import signal
import sys
import threading
import time
import urllib.parse

import purser_source

try:
    from gunicorn.app.base import BaseApplication
except ImportError:
    BaseApplication = None

# Longer than the front keeps an idle connection, so that it is never closed under a new request.
KEEPALIVE = 600
UNLIMITED_THREADS = 16
A_DAY = 86400


def backtrace_signal():
    """The signal that asks a process that hangs to print where; None if there is none."""
    name = os.environ.get("PURSER_BACKTRACE_SIGNAL")
    return name and getattr(signal, "SIG" + name)


def print_where_on_signal(pipe):
    """Takes that signal, to print all threads.

    faulthandler does not wait for the interpreter, which may be what hangs. ABRT it can only print
    on the way to the process's end.
    """
    number = backtrace_signal()
    if number == signal.SIGABRT:
        signal.signal(number, signal.SIG_DFL)  # what it falls back to
        faulthandler.enable(pipe)
    elif number:
        faulthandler.register(number, pipe)


def load(startup):
    """The WSGI callable of a startup file: `application`, else `app`."""
    root = os.getcwd()
    loader = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [root] + [p for p in sys.path if p not in ("", root, loader)]
    parts = os.path.splitext(startup)[0].split(os.sep)
    if startup.endswith(".py") and all(p.isidentifier() for p in parts):
        module = importlib.import_module(".".join(parts))
    else:
        source = importlib.machinery.SourceFileLoader("passenger_wsgi", startup)
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(source.name, source))
        source.exec_module(module)
    for name in ("application", "app"):
        if callable(getattr(module, name, None)):
            return behind_front(getattr(module, name))
    sys.exit("%s defines neither application nor app" % startup)


def behind_front(application):
    """The peer is always the front: what it says about the client is true."""
    base = urllib.parse.unquote(os.environ.get("PURSER_PATH", ""), "iso-8859-1")

    def wrapped(environ, start_response):
        environ["REMOTE_ADDR"] = environ.get("HTTP_X_REAL_IP", "")
        environ["SERVER_NAME"], environ["SERVER_PORT"] = asked_for(environ)
        if is_https(environ):
            environ["HTTPS"] = "on"  # as in CGI, and with Passenger
        environ["wsgi.multiprocess"] = True
        path = environ["PATH_INFO"]
        if base and (path == base or path.startswith(base + "/")):
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = base, path[len(base) :]
        result = application(environ, start_response)
        return drop(result) if environ["REQUEST_METHOD"] == "HEAD" else result

    return wrapped


def asked_for(environ):
    """The host and port that the client asked for."""
    host, colon, port = environ.get("HTTP_HOST", "localhost").rpartition(":")
    if not (colon and port.isdigit()):
        host, port = environ.get("HTTP_HOST", "localhost"), ""
    return host, port or environ.get("HTTP_X_FORWARDED_PORT") or ("443" if is_https(environ) else "80")


def is_https(environ):
    return environ.get("HTTP_X_FORWARDED_PROTO", environ["wsgi.url_scheme"]) == "https"


def drop(result):
    """The answer to HEAD has no body (RFC 9110 section 9.3.2), but gunicorn would send one."""
    try:
        next(filter(None, result), None)  # a generator calls start_response only now
    finally:
        if hasattr(result, "close"):
            result.close()
    return []


def end_with_purser():
    """Ends the process when Purser is gone: stdin is closed and the parent another.

    stdin alone also closes when Purser asks to stop; then the signal does the work.
    """
    parent = os.getppid()

    def watch():
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        while os.getppid() == parent:
            time.sleep(0.1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def serve_with_gunicorn(startup, socket, threads, pipe, application):
    # gunicorn listens before it loads the app. The socket gets its real name only when the app is
    # loaded, so that nobody takes the one for the other.
    folder = os.path.dirname(socket)
    early = os.path.join(folder, "g.sock")

    stopping = threading.Event()

    def when_ready(arbiter):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, note_stop(signal.getsignal(number)))
        if backtrace_signal():  # the worker gets it too, and it is there that the app runs
            signal.signal(backtrace_signal(), signal.SIG_IGN)

    def note_stop(handler):
        def handle(*args):
            stopping.set()
            handler(*args)

        return handle

    def child_exit(arbiter, worker):
        # A worker that dies is not replaced in secret, perhaps by newer code: Purser starts
        # another process. Of two signals Python handles TERM before CHLD.
        if not stopping.is_set():
            os._exit(1)

    settings = {
        "bind": "unix:" + early,
        "workers": 1,
        "worker_class": "gthread",  # the sync class knows no keep-alive
        "threads": threads or UNLIMITED_THREADS,
        "keepalive": KEEPALIVE,
        "timeout": 0,  # slow requests are Purser's to judge
        "graceful_timeout": A_DAY,  # and so is a slow stop
        "limit_request_line": 0,  # what a request may hold is the front's to say
        "limit_request_fields": 32768,
        "limit_request_field_size": 0,
        "worker_tmp_dir": folder,
        "post_fork": lambda arbiter, worker: end_with_purser(),
        "post_worker_init": lambda worker: os.link(early, socket),
        "when_ready": when_ready,
        "child_exit": child_exit,
        "control_socket_disable": True,  # its path would be the same for all processes
    }

    class Application(BaseApplication):
        def load_config(self):
            for name in settings.keys() & self.cfg.settings.keys():  # older ones know fewer
                self.cfg.set(name, settings[name])

        def load(self):
            print_where_on_signal(pipe)  # only now, or gunicorn makes the signal its own
            return application or load(startup)

    Application().run()


def main():
    startup, socket, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    end_with_purser()
    pipe = os.dup(2)  # still Purser's when the app redirects its own
    if not BaseApplication:
        from purser_server import serve  # before the app is loaded, which has the folder leave the path
    application = None
    if purser_source.wanted():
        print_where_on_signal(pipe)
        application = purser_source.run(lambda: load(startup))
        socket = os.environ["PURSER_SOCKET"]
        end_with_purser()  # a fork has no threads
        os.dup2(2, pipe)
    if BaseApplication:
        serve_with_gunicorn(startup, socket, threads, pipe, application)
    else:
        print_where_on_signal(pipe)
        serve(application or load(startup), socket, threads)


main()

"""Serves a WSGI app with a worker of gunicorn, in this process: gunicorn's arbiter above it is left out.

What the arbiter does is Purser's: it starts processes, replaces those that end, and judges the slow ones.
"""

import os
import signal
import sys

from purser_life import backtrace_signal, print_where_on_signal
from purser_wsgi import behind_front

# Longer than the front keeps an idle connection, so that it is never closed under a new request.
KEEPALIVE = 600
UNLIMITED_THREADS = 16
A_DAY = 86400


def settings(folder, socket, threads):
    """What gunicorn is told, whatever else is set."""
    return {
        "bind": "unix:" + early(folder),
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
        "post_worker_init": lambda worker: os.link(early(folder), socket),
        "control_socket_disable": True,  # its path would be the same for all processes
    }


def early(folder):
    """gunicorn listens before the app is loaded; the socket gets its real name only then."""
    return os.path.join(folder, "g.sock")


class IsASGI(BaseException):
    """The app that was loaded is none for gunicorn."""


def serve(load, socket, threads, pipe):
    """Loads the app and serves it until the process ends. An app of ASGI is returned, and not served."""
    from gunicorn import SERVER_SOFTWARE
    from gunicorn.app.base import BaseApplication
    from gunicorn.sock import create_sockets

    class Application(BaseApplication):
        def load_config(self):
            ours = settings(os.path.dirname(socket), socket, threads)
            for name in ours.keys() & self.cfg.settings.keys():  # older ones know fewer
                self.cfg.set(name, ours[name])

        def load(self):
            print_where_on_signal(pipe)  # only now, or gunicorn makes the signal its own
            app = load()
            if app.asgi:
                raise IsASGI(app)
            return behind_front(app.function)

    application = Application()
    cfg = application.cfg
    os.environ["SERVER_SOFTWARE"] = SERVER_SOFTWARE  # by which apps know gunicorn
    log = cfg.logger_class(cfg)
    sockets = create_sockets(cfg, log)
    worker = cfg.worker_class(1, os.getppid(), sockets, application, 0, cfg, log)
    worker.pid = os.getpid()
    try:
        worker.init_process()
    except IsASGI as found:
        leave(worker, sockets)
        return found.args[0]
    sys.exit(0)


def leave(worker, sockets):
    """Undoes what a worker that is not used has done to the process."""
    for number in set(worker.SIGNALS) - {backtrace_signal()}:
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    for one in sockets:
        one.close()
    worker.tmp.close()
    os.environ.pop("SERVER_SOFTWARE", None)

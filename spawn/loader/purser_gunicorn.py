"""Serves a WSGI app with a worker of gunicorn, in this process: gunicorn's arbiter above it is left out.

What the arbiter does is Purser's: it starts processes, replaces those that end, and judges the slow ones.
"""

import os
import signal
import sys

import purser_settings
from purser_life import backtrace_signal, print_where_on_signal
from purser_wsgi import behind_front


class IsASGI(BaseException):
    """The app that was loaded is none for gunicorn."""


class Server:
    """What the app's hooks see in place of the arbiter."""

    num_workers = 1

    def __init__(self, application, log):
        self.app, self.cfg, self.log = application, application.cfg, log
        self.pid, self.WORKERS = os.getpid(), {}
        self.address, self.proc_name = self.cfg.address, self.cfg.proc_name


def load(startup, load_app, socket, threads, pipe):
    """Loads the app as gunicorn's settings say, in a fork source."""
    from gunicorn import SERVER_SOFTWARE

    os.environ["SERVER_SOFTWARE"] = SERVER_SOFTWARE  # by which apps know gunicorn
    application = configured(startup, load_app, socket, threads, pipe)
    application.cfg.worker_class  # gevent's changes what the app imports
    return application.find()


def serve(startup, load, socket, threads, pipe):
    """Loads the app and serves it until the process ends. An app of ASGI is returned, and not served."""
    from gunicorn import SERVER_SOFTWARE
    from gunicorn.sock import create_sockets

    os.environ["SERVER_SOFTWARE"] = SERVER_SOFTWARE  # by which apps know gunicorn
    application = configured(startup, load, socket, threads, pipe)
    cfg = application.cfg
    log = cfg.logger_class(cfg)
    server = Server(application, log)
    cfg.on_starting(server)
    sockets = create_sockets(cfg, log)
    cfg.when_ready(server)
    age = int(os.environ.get("PURSER_PROCESS", 1))  # as the arbiter counts those that it has started
    worker = cfg.worker_class(age, os.getppid(), sockets, application, 0, cfg, log)
    cfg.pre_fork(server, worker)
    worker.pid = os.getpid()
    server.WORKERS[worker.pid] = worker
    cfg.post_fork(server, worker)
    try:
        worker.init_process()
    except IsASGI as found:
        leave(worker, sockets)
        return found.args[0]
    cfg.worker_exit(server, worker)
    cfg.child_exit(server, worker)
    cfg.on_exit(server)
    sys.exit(0)


def configured(startup, load, socket, threads, pipe):
    """The application as gunicorn knows one: its settings, and how it is loaded."""
    from gunicorn.app.base import Application
    from gunicorn.util import import_app

    class Configured(Application):
        def load_config(self):
            self.stays = purser_settings.elsewhere()
            purser_settings.read(self)
            kind, number = purser_settings.worker_and_threads(self.cfg, threads)
            ours = purser_settings.ours(os.path.dirname(socket), kind, number)
            for name in ours.keys() & self.cfg.settings.keys():  # older ones know fewer
                self.cfg.set(name, ours[name])
            theirs = self.cfg.post_worker_init
            self.cfg.set("post_worker_init", lambda worker: ready(theirs, worker, socket))

        def load(self):
            print_where_on_signal(pipe)  # only now, or gunicorn makes the signal its own
            app = self.find()
            if app.asgi:
                raise IsASGI(app)
            return behind_front(app.function)

        def find(self):
            folders = purser_settings.paths(self.cfg, self.stays)
            name = purser_settings.named_app(self.cfg, startup, folders)
            return load(folders, name and (lambda: import_app(name)))

    return Configured()


def ready(theirs, worker, socket):
    theirs(worker)
    os.link(purser_settings.early(os.path.dirname(socket)), socket)


def leave(worker, sockets):
    """Undoes what a worker that is not used has done to the process."""
    for number in set(worker.SIGNALS) - {backtrace_signal()}:
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    for one in sockets:
        one.close()
    worker.tmp.close()
    os.environ.pop("SERVER_SOFTWARE", None)

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
    """What the app's hooks see in place of the arbiter.

    With preload the fork source has it, and what is forked goes on with it: what hooks have left there, they find.
    """

    num_workers = 1

    def __init__(self, startup, load, socket, threads, pipe):
        from gunicorn import SERVER_SOFTWARE

        os.environ["SERVER_SOFTWARE"] = SERVER_SOFTWARE  # by which apps know gunicorn
        self.app = configured(startup, load, socket, threads, pipe)
        self.cfg = self.app.cfg
        self.cfg.worker_class  # gevent's changes what the app imports
        self.log = self.cfg.logger_class(self.cfg)
        self.pid, self.WORKERS, self.worker_age = os.getpid(), {}, 0
        self.address, self.proc_name = self.cfg.address, self.cfg.proc_name

    def preload(self):
        """Loads the app, in a fork source. One of ASGI is not served by gunicorn: it is returned, and else this."""
        os.environ.update(self.cfg.env)
        app = self.app.find()
        if app.asgi:
            os.environ.pop("SERVER_SOFTWARE", None)
            return app
        self.begin()
        return self

    def begin(self):
        """Tells the app what gunicorn tells once, however many processes there are."""
        self.cfg.on_starting(self)
        self.cfg.when_ready(self)

    def before_fork(self):
        self.worker_age += 1
        self.worker = self.cfg.worker_class(self.age(), self.pid, [], self.app, 0, self.cfg, self.log)
        self.cfg.pre_fork(self, self.worker)

    def after_fork(self):
        self.worker.tmp.close()

    def age(self):
        """The number of a process, as the arbiter counts those that it has started; a fork source has none."""
        return int(os.environ.get("PURSER_PROCESS") or 0) or self.worker_age

    def serve(self, socket):
        """Serves until the process ends. An app of ASGI is returned, and not served."""
        from gunicorn.sock import create_sockets

        self.app.move(socket)
        self.address = self.cfg.address
        worker, sockets = self.worker, create_sockets(self.cfg, self.log)
        worker.age, worker.ppid, worker.pid, worker.sockets = self.age(), os.getppid(), os.getpid(), sockets
        self.WORKERS[worker.pid] = worker
        self.cfg.post_fork(self, worker)
        try:
            worker.init_process()
        except IsASGI as found:
            leave(worker, sockets)
            return found.args[0]
        self.cfg.worker_exit(self, worker)
        self.cfg.child_exit(self, worker)
        if self.pid == worker.pid:  # or it is the end of one of many
            self.cfg.on_exit(self)
        sys.exit(0)


def configured(startup, load, socket, threads, pipe):
    """The application as gunicorn knows one: its settings, and how it is loaded."""
    from gunicorn.app.base import Application
    from gunicorn.util import import_app

    class Configured(Application):
        found = None

        def load_config(self):
            self.stays = purser_settings.elsewhere()
            purser_settings.read(self)
            self.work = purser_settings.worker_and_threads(self.cfg, threads)
            self.move(socket)
            theirs = self.cfg.post_worker_init
            self.cfg.set("post_worker_init", lambda worker: ready(theirs, worker, self.socket))

        def move(self, to):
            """Serves at another socket from now on."""
            self.socket = to
            ours = purser_settings.ours(os.path.dirname(to), *self.work)
            for name in ours.keys() & self.cfg.settings.keys():  # older ones know fewer
                self.cfg.set(name, ours[name])

        def load(self):
            print_where_on_signal(pipe)  # only now, or gunicorn makes the signal its own
            app = self.find()
            if app.asgi:
                raise IsASGI(app)
            return behind_front(app.function)

        def find(self):
            """The app, which is loaded once."""
            self.found = self.found or self.import_it()
            return self.found

        def import_it(self):
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

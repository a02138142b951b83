"""Serves one Python app for Purser: python.py STARTUP_FILE SOCKET THREADS

A WSGI app with gunicorn if the app's Python has it, else with purser_server; an ASGI app with uvicorn
or hypercorn. THREADS is how many requests the app is given at once; 0 is no limit.
"""

import importlib.util
import os
import sys

import purser_app
import purser_asgi
import purser_gunicorn
import purser_life
import purser_source
import purser_wsgi


def preload(by_gunicorn, load, at_once):
    """What has the app loaded, in a fork source: the app, or the server that serves it."""
    if at_once:
        return by_gunicorn(load).preload()
    app = load()
    return by_gunicorn(lambda *_: app).preload() if by_gunicorn and not app.asgi else app


def forked(preload, pipe):
    """What has the app loaded, in a process that was forked from the one that did that."""
    purser_life.print_where_on_signal(pipe)
    loaded = purser_source.run(preload)
    os.dup2(2, pipe)
    purser_life.end_with_purser()  # threads are not forked
    return loaded


def alone(by_gunicorn, load, at_once, pipe):
    """The app, or the server that serves it, in a process that loads it for itself."""
    if not at_once:
        purser_life.print_where_on_signal(pipe)
        app = load()
        if app.asgi or not by_gunicorn:
            return app
        load = lambda *_: app
    server = by_gunicorn(load)
    server.begin()
    server.before_fork()
    return server


def main():
    startup, socket, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    purser_life.end_with_purser()
    pipe = os.dup(2)  # still Purser's when the app redirects its own
    load = lambda *settings: purser_app.load(startup, *settings)
    by_gunicorn = importlib.util.find_spec("gunicorn") and (
        lambda load: purser_gunicorn.Server(startup, load, socket, threads, pipe))
    at_once = by_gunicorn and not purser_app.looks_like_asgi(startup)
    if purser_source.wanted():
        loaded = forked(lambda: preload(by_gunicorn, load, at_once), pipe)
        socket = os.environ["PURSER_SOCKET"]
    else:
        loaded = alone(by_gunicorn, load, at_once, pipe)
    app = loaded.serve(socket) if isinstance(loaded, purser_gunicorn.Server) else loaded
    if app.asgi:
        if threads == 1:
            purser_life.say("%s defines an ASGI app, which is made for many requests at once, and gets 1:"
                            " set concurrency" % startup)
        purser_asgi.serve(app, startup, socket)
    else:
        server = purser_life.of_loader("purser_server")
        server.serve(purser_wsgi.behind_front(app.function), socket, threads)


main()

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


def forked(load, pipe):
    """With preload, this process loads the app, and what is forked from it returns the app."""
    purser_life.print_where_on_signal(pipe)
    app = purser_source.run(load)
    os.dup2(2, pipe)
    purser_life.end_with_purser()  # threads are not forked
    return app


def main():
    startup, socket, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    purser_life.end_with_purser()
    pipe = os.dup(2)  # still Purser's when the app redirects its own
    load = lambda *settings: purser_app.load(startup, *settings)
    gunicorn = importlib.util.find_spec("gunicorn")
    at_once = gunicorn and not purser_app.looks_like_asgi(startup)
    if purser_source.wanted():
        own = load
        preloaded = forked(lambda: purser_gunicorn.load(startup, own, socket, threads, pipe) if at_once else own(), pipe)
        load = lambda *_: preloaded
        socket = os.environ["PURSER_SOCKET"]
    if at_once:
        app = purser_gunicorn.serve(startup, load, socket, threads, pipe)
    else:
        purser_life.print_where_on_signal(pipe)
        app = load()
        if gunicorn and not app.asgi:
            purser_gunicorn.serve(startup, lambda *_: app, socket, threads, pipe)
    if app.asgi:
        if threads == 1:
            purser_life.say("%s defines an ASGI app, which is made for many requests at once, and gets 1:"
                            " set concurrency" % startup)
        purser_asgi.serve(app, startup, socket)
    else:
        server = purser_life.of_loader("purser_server")
        server.serve(purser_wsgi.behind_front(app.function), socket, threads)


main()

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
    by_gunicorn = importlib.util.find_spec("gunicorn")
    app = None
    if purser_source.wanted():
        load = purser_gunicorn.load if by_gunicorn else lambda startup, *_: purser_app.load(startup)
        app = forked(lambda: load(startup, socket, threads, pipe), pipe)
        socket = os.environ["PURSER_SOCKET"]
    if by_gunicorn:
        app = purser_gunicorn.serve(startup, socket, threads, pipe, app)
    else:
        purser_life.print_where_on_signal(pipe)
        app = app or purser_app.load(startup)
    if app.asgi:
        if threads == 1:
            purser_life.say("%s defines an ASGI app, which is made for many requests at once, and gets 1:"
                            " set concurrency" % startup)
        purser_asgi.serve(app, startup, socket)
    else:
        server = purser_life.of_loader("purser_server")
        server.serve(purser_wsgi.behind_front(app.function), socket, threads)


main()

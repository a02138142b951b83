"""A WSGI app behind Purser's front, whatever serves it."""

import os
import urllib.parse


def behind_front(application):
    """The peer is always the front: what it says about the client is true."""
    base = urllib.parse.unquote(os.environ.get("PURSER_PATH", ""), "iso-8859-1")

    def wrapped(environ, start_response):
        environ["REMOTE_ADDR"] = environ.get("HTTP_X_REAL_IP", "")
        environ["SERVER_NAME"], environ["SERVER_PORT"] = asked_for(environ)
        environ["wsgi.url_scheme"] = environ.get("HTTP_X_FORWARDED_PROTO", environ["wsgi.url_scheme"])
        if is_https(environ):
            environ["HTTPS"] = "on"  # as in CGI, and with Passenger
        environ["wsgi.multiprocess"] = True
        path = environ["PATH_INFO"]
        if base and (path == base or path.startswith(base + "/")):
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = base, path[len(base) :]
        try:
            result = application(environ, start_response)
        except SystemExit as exit:  # of a thread it would end only that, and the visitor would wait
            raise RuntimeError("SystemExit: %s" % exit) from exit
        return drop(result) if environ["REQUEST_METHOD"] == "HEAD" else result

    return wrapped


def asked_for(environ):
    """The host and port that the client asked for."""
    host, colon, port = environ.get("HTTP_HOST", "localhost").rpartition(":")
    if not (colon and port.isdigit()):
        host, port = environ.get("HTTP_HOST", "localhost"), ""
    return host, port or environ.get("HTTP_X_FORWARDED_PORT") or ("443" if is_https(environ) else "80")


def is_https(environ):
    return environ["wsgi.url_scheme"] == "https"


def drop(result):
    """The answer to HEAD has no body (RFC 9110 section 9.3.2), but gunicorn would send one."""
    try:
        next(filter(None, result), None)  # a generator calls start_response only now
    finally:
        if hasattr(result, "close"):
            result.close()
    return []

"""The app that a startup file defines, and whether it is one of WSGI or of ASGI."""

import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import re
import sys

import purser_django

# Flask's app.run() does nothing when this is "true": without it a file that calls it outside of
# __main__ would serve on port 5000 in place of being imported.
NO_SERVER_OF_ITS_OWN = "FLASK_RUN_FROM_CLI"
ROOT = os.getcwd()
ASGI_TEXT = re.compile(
    r"^async\s+def\s+(application|app)\b|^\s*(from|import)\s+(fastapi|starlette|quart|litestar|channels)\b"
    r"|\bget_asgi_application\b|\bASGIApp\(", re.MULTILINE)
FACTORIES = ("create_app", "make_app")


class App:
    """What is served: the callable, and how it wants to be called."""

    def __init__(self, function):
        self.function = function
        self.asgi = is_asgi(function)

    def before_fork(self):
        """An app that no server has loaded knows of no forks."""

    def after_fork(self):
        pass


def load(startup, folders=(), named=None):
    """The app of a startup file: `application`, else `app`, what a factory makes, or the only one there is.

    named imports the one that the app's own settings name; folders are looked for modules first.
    """
    set_path(startup, folders)
    set_before = NO_SERVER_OF_ITS_OWN in os.environ
    os.environ.setdefault(NO_SERVER_OF_ITS_OWN, "true")
    try:
        return App(named() if named else app_of(startup))
    finally:
        if not set_before:
            os.environ.pop(NO_SERVER_OF_ITS_OWN, None)


def looks_like_asgi(startup):
    """A guess before the file is run: gunicorn takes a fifth of a second to import, and does not serve ASGI."""
    try:
        with open(startup, encoding="utf-8") as file:
            return bool(ASGI_TEXT.search(file.read()))
    except (OSError, ValueError):
        return False


def set_path(startup, folders):
    """Modules are looked for in the root, never beside the loader; last beside the startup file."""
    loader = os.path.dirname(os.path.abspath(__file__))
    beside = os.path.dirname(os.path.join(ROOT, startup))
    first = [*folders, *project_of(beside), ROOT]
    others = [p for p in sys.path if p not in ("", loader, *first)]
    sys.path[:] = first + others + [beside] * (beside not in first)


def project_of(folder):
    """The folder of a Django project: there is its manage.py, and its modules are looked for there."""
    while os.path.commonpath([folder, ROOT]) == ROOT:
        if os.path.isfile(os.path.join(folder, "manage.py")):
            return [folder] if folder != ROOT else []
        if folder == ROOT:
            break
        folder = os.path.dirname(folder)
    return []


def app_of(startup):
    if os.path.basename(startup) == "manage.py":
        project = purser_django.startup_of(ROOT, startup)
        if not project:
            return purser_django.application(ROOT, startup)
        startup = project
    return find(import_file(startup), startup)


def import_file(startup):
    path = os.path.join(ROOT, startup)
    base = (project_of(os.path.dirname(path)) or [ROOT])[0]
    parts = os.path.splitext(os.path.relpath(path, base))[0].split(os.sep)
    if startup.endswith(".py") and all(p.isidentifier() for p in parts):
        return importlib.import_module(".".join(parts))
    source = importlib.machinery.SourceFileLoader("passenger_wsgi", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(source.name, source))
    sys.modules[source.name] = module  # where dataclasses and pickle look for it
    source.exec_module(module)
    return module


def find(module, startup):
    for name in ("application", "app"):
        named = getattr(module, name, None)
        if callable(named):
            return made_by(named, name, startup) if is_factory(named) else named
    for name in FACTORIES:
        factory = getattr(module, name, None)
        if callable(factory):
            return made_by(factory, name, startup)
    others = {id(v): (n, v) for n, v in vars(module).items() if is_instance(v)}
    if len(others) == 1:
        return next(iter(others.values()))[1]
    if others:
        names = ", ".join(sorted(name for name, _ in others.values()))
        sys.exit("%s defines several apps (%s): call the one that is meant application" % (startup, names))
    sys.exit("%s defines neither application nor app, nor a create_app() that makes one" % startup)


def is_factory(function):
    """A function without parameters cannot be the app, but make it."""
    return inspect.isfunction(function) and wanted(function) == []


def made_by(factory, name, startup):
    if wanted(factory):
        sys.exit("%s(%s) of %s needs arguments: add a line application = %s(...) to the file"
                 % (name, ", ".join(wanted(factory)), startup, name))
    made = factory()
    if not callable(made):
        sys.exit("%s() of %s makes a %s, which is no app of WSGI or ASGI" % (name, startup, type(made).__name__))
    return made


def is_instance(value):
    """Is value an app, and no function or class that may be something else?"""
    if isinstance(value, type) or inspect.isroutine(value):
        return False
    call = getattr(type(value), "__call__", None)  # asking value itself may do anything: Flask's request is a proxy
    names = inspect.isfunction(call) and wanted(call)
    return bool(names) and (names[1:2] == ["environ"] or names[1:] == ["scope", "receive", "send"])


def is_asgi(function):
    """ASGI's are called with (scope, receive, send), or by its version 2 with (scope)."""
    names = wanted(function)
    if inspect.isclass(function):
        return names == ["scope"]
    return is_coroutine(function) or (names is not None and (len(names) == 3 or names == ["scope"]))


def is_coroutine(function):
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))


def wanted(function):
    """The names of the parameters without which function cannot be called; None if nobody can say."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in positional and p.default is p.empty]

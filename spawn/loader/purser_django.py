"""The app of a Django project that is told by its manage.py."""

import os
import re

SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']""")


def startup_of(root, manage):
    """The wsgi.py, else asgi.py, beside the settings that manage.py names or above them; None if there is none."""
    parts = (settings_of(root, manage) or "").split(".")[:-1]
    folder = os.path.dirname(manage)
    for name in ("wsgi.py", "asgi.py"):
        for i in range(len(parts), -1, -1):
            file = os.path.join(folder, *parts[:i], name)
            if os.path.isfile(os.path.join(root, file)):
                return file
    return None


def settings_of(root, manage):
    with open(os.path.join(root, manage), encoding="utf-8") as file:
        found = SETTINGS.search(file.read())
    return found and found.group(1)


def application(root, manage):
    """What Django's own server would serve: the settings' WSGI_APPLICATION, else Django's default."""
    settings = settings_of(root, manage)
    if settings:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    from django.core.servers.basehttp import get_internal_wsgi_application

    import django

    django.setup()
    return get_internal_wsgi_application()

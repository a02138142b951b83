"""gunicorn's own settings, as an app has them in gunicorn.conf.py and GUNICORN_CMD_ARGS.

What they say about the app holds: threads, the kind of worker, hooks, variables, paths. What they say about
where and how long it runs is Purser's; each of those that is set is told.
"""

import contextlib
import os

import purser_app
from purser_life import say

FILE = "gunicorn.conf.py"

# Longer than the front keeps an idle connection, so that it is never closed under a new request.
KEEPALIVE = 600
UNLIMITED_THREADS = 16
A_DAY = 86400

NOT_USED = {
    "Purser makes the socket": "bind backlog reuse_port umask",
    "set min_processes and max_processes": "workers",
    "set max_requests in Purser's configuration": "max_requests max_requests_jitter",
    "set request_timeout and hang_after": "timeout",
    "set drain_timeout and stop_timeout": "graceful_timeout",
    "Purser's front keeps the connections": "keepalive limit_request_line limit_request_fields limit_request_field_size",
    "Purser's front says who the client is": "forwarded_allow_ips proxy_allow_ips proxy_protocol secure_scheme_headers"
    " forwarder_headers",
    "Purser's front has the certificates": "certfile keyfile ca_certs cert_reqs ciphers ssl_version ssl_context"
    " do_handshake_on_connect suppress_ragged_eofs",
    "set preload in Purser's configuration": "preload_app",
    "Purser restarts the app": "reload reload_engine reload_extra_files",
    "Purser owns the process": "daemon pidfile worker_tmp_dir pre_exec enable_stdio_inheritance control_socket"
    " control_socket_disable control_socket_mode",
    "set user and group in Purser's configuration": "user group initgroups",
    "Purser has the logs": "accesslog access_log_format errorlog logconfig logconfig_dict logconfig_json capture_output"
    " syslog syslog_addr syslog_facility syslog_prefix disable_redirect_access_to_syslog",
    "the app is the one of its startup file": "paste raw_paste_global_conf",
    "it is no server that checks or prints": "check_config print_config spew",
}


def read(application):
    """Takes over what the app has set, as gunicorn does, but for what is Purser's."""
    cfg = application.cfg
    with in_release():
        file = take(application, cfg)
    where = " and ".join([file] * bool(file) + ["GUNICORN_CMD_ARGS"] * bool(os.environ.get("GUNICORN_CMD_ARGS")))
    tell_unused(cfg, type(cfg)(), where)


def take(application, cfg):
    line = cfg.parser().parse_args(cfg.get_cmd_args_from_env())
    file = line.config or (FILE if os.path.isfile(FILE) else None)
    if file:
        application.load_config_from_file(file)
    for name, value in vars(line).items():
        if name != "args" and value is not None:
            cfg.set(name.lower(), value)
    return file


def elsewhere():
    """Whether the app was loaded already, before a fork, and has left the release's folder."""
    return os.path.isdir(purser_app.ROOT) and not os.path.samefile(os.curdir, purser_app.ROOT)


@contextlib.contextmanager
def in_release():
    """Paths of settings are relative to the release's folder, wherever the app is by now."""
    if not elsewhere():
        yield
        return
    there = os.open(os.curdir, os.O_PATH)
    os.chdir(purser_app.ROOT)
    try:
        yield
    finally:
        os.fchdir(there)
        os.close(there)


def tell_unused(cfg, default, where):
    for reason, names in NOT_USED.items():
        unused = [n for n in names.split() if n in cfg.settings and changed(cfg, default, n)]
        for name in unused:
            cfg.settings[name] = default.settings[name]
        if unused:
            say("%s: %s not used: %s" % (where, ", ".join(unused), reason))


def changed(cfg, default, name):
    return cfg.settings[name].get() != default.settings[name].get()


def worker_and_threads(cfg, threads):
    """The kind of worker, and how many threads it has; threads is what Purser gives the app at once."""
    kind, wanted = cfg.settings["worker_class"].get(), cfg.settings["threads"].get()
    if threads and wanted not in (1, threads):
        say("threads = %d of gunicorn is not used: Purser gives the app %s at once; set concurrency = %d"
            % (wanted, requests(threads), wanted))
    if kind == "sync" or "uvicorn" in str(kind).lower():  # the sync class knows no keep-alive
        kind = "gthread"
    return kind, threads or max(wanted, UNLIMITED_THREADS)


def paths(cfg, stay):
    """The folders in which the app's modules are looked for beside the root, as chdir and pythonpath say.

    An app that is to stay where it is has been loaded, and has gone there itself or by chdir.
    """
    root, folder = os.path.realpath(purser_app.ROOT), os.path.realpath(cfg.chdir)
    found = [os.path.abspath(os.path.join(root, p)) for p in (cfg.pythonpath or "").split(",") if p]
    if os.path.commonpath([root, folder]) == root:
        if not stay:
            os.chdir(folder)
        found += [folder] * (folder != root)
    else:
        say("chdir of gunicorn is not used: %s is not in the release, %s" % (folder, root))
    return found


def named_app(cfg, startup, folders):
    """What wsgi_app names, if that is in the startup file; None if nothing is named."""
    name = cfg.settings["wsgi_app"].get() if "wsgi_app" in cfg.settings else None
    if not name:
        return None
    file = name.partition(":")[0].replace(".", os.sep) + ".py"
    chosen = os.path.realpath(os.path.join(purser_app.ROOT, startup))
    if any(os.path.realpath(os.path.join(f, file)) == chosen for f in [purser_app.ROOT] + folders):
        return name
    say("wsgi_app = %s of gunicorn is not used: the startup file is %s" % (name, startup))
    return None


def requests(threads):
    return "1 request" if threads == 1 else "%d requests" % threads


def ours(folder, kind, threads):
    """What gunicorn is told, whatever else is set."""
    return {
        "worker_class": kind,
        "threads": threads,
        "bind": "unix:" + early(folder),
        "workers": 1,
        # Those of gevent and eventlet count a connection that is kept as a request, and stop only after it.
        "keepalive": KEEPALIVE if kind == "gthread" else 0,
        "timeout": 0,  # slow requests are Purser's to judge
        "graceful_timeout": A_DAY,  # and so is a slow stop
        "limit_request_line": 0,  # what a request may hold is the front's to say
        "limit_request_fields": 32768,
        "limit_request_field_size": 1 << 24,  # 0 was no limit once, and is 8190 since
        "worker_tmp_dir": folder,
        "control_socket_disable": True,  # its path would be the same for all processes
    }


def early(folder):
    """gunicorn listens before the app is loaded; the socket gets its real name only then."""
    return os.path.join(folder, "g.sock")

"""A fork source: a process that has loaded the app, and from which the app's processes are forked (preload = true).

The keeper, which is its parent, asks for each on a socket. Who is forked becomes a child of the keeper, says so on a
socket of its own, by which the kernel tells the keeper its pid, and goes on once it is told to. Messages are a version,
a verb, and two numbers; with the request come the text of the program, stdin, stdout, stderr and that socket.
"""

import array
import contextlib
import gc
import os
import signal
import socket
import struct
import time
import warnings

VERSION = 1
LOADED, BORN = b"i", b"I"
FILES = 5
PR_SET_PDEATHSIG = 1


def wanted():
    """Whether this process is to be one."""
    return "PURSER_SOURCE" in os.environ


def run(load):
    """Loads the app, and forks when it is asked to.

    It returns what load has returned, in each process that is forked, and never in the source. That is told before each
    fork, and after it in the source.
    """
    number = int(os.environ.pop("PURSER_SOURCE"))
    os.set_inheritable(number, False)  # or what the app starts when it is loaded would have it, too
    loaded = load()
    prctl = find_prctl()
    gc.collect()
    gc.freeze()  # or each process would write to, and so copy, what it shares
    control = socket.socket(fileno=number)
    say(control, LOADED)
    while True:
        files = request(control)
        if not files:
            os._exit(0)
        loaded.before_fork()
        middle = fork()
        if middle:
            loaded.after_fork()
            for fd in files:
                os.close(fd)
            with contextlib.suppress(ChildProcessError):  # the app ignores SIGCHLD, or has waited for it
                os.waitpid(middle, 0)
            continue
        middle = os.getpid()
        if fork():
            os._exit(0)
        control.close()
        be_born(middle, prctl, files)
        return loaded


def fork():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads of the app, which are not forked
        return os.fork()


def find_prctl():
    try:
        import ctypes

        return ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None  # the end of the keeper is seen by the end of stdin, too


def say(sock, verb):
    sock.send(struct.pack("!BcII", VERSION, verb, 0, 0))


def request(control):
    """The files of the next process; none when purser wants no more."""
    files = array.array("i")
    try:
        text, controls, _, _ = control.recvmsg(64, socket.CMSG_SPACE(FILES * files.itemsize))
    except OSError:
        return None
    for level, kind, data in controls:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            files.frombytes(data[: len(data) - len(data) % files.itemsize])
    if text and len(files) != FILES:
        os._exit(1)
    for fd in files:
        os.set_inheritable(fd, False)
    return list(files) if text else None


def be_born(middle, prctl, files):
    """Has what is this process's own take the place of what was its source's.

    The first fork ends at once. Then the keeper is this one's parent, though it may not be the source's: an interpreter
    may be a script that runs another and waits for it.
    """
    text, stdin, stdout, stderr, own = files
    while os.getppid() == middle:
        time.sleep(0.001)
    keeper = os.getppid()  # or, if that has just ended, another, and then nobody answers below
    if prctl:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != keeper:
        os._exit(1)
    os.setpgid(0, 0)
    for number, fd in enumerate((stdin, stdout, stderr)):
        os.dup2(fd, number)
        os.close(fd)
    take_environment(text)
    os.close(text)
    with contextlib.closing(socket.socket(fileno=own)) as own:
        say(own, BORN)
        if not own.recv(64):
            os._exit(1)  # it is not wanted any more


def take_environment(text):
    """The variables that purser has for each process. All others may be changed by the app when it is loaded."""
    for variable in os.pread(text, os.fstat(text).st_size, 0).split(b"\0"):
        name, found, value = variable.partition(b"=")
        if found and name.startswith(b"PURSER_") and name != b"PURSER_SOURCE":
            os.environb[name] = value

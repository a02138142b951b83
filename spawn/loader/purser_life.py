"""What every Python process of Purser does, whatever serves the app: it ends with Purser, and says where it hangs."""

import faulthandler
import importlib
import os
import signal
import sys
import threading
import time


def backtrace_signal():
    """The signal that asks a process that hangs to print where; None if there is none."""
    name = os.environ.get("PURSER_BACKTRACE_SIGNAL")
    return name and getattr(signal, "SIG" + name)


def print_where_on_signal(pipe):
    """Takes that signal, to print all threads.

    faulthandler does not wait for the interpreter, which may be what hangs. ABRT it can only print
    on the way to the process's end.
    """
    number = backtrace_signal()
    if number == signal.SIGABRT:
        signal.signal(number, signal.SIG_DFL)  # what it falls back to
        faulthandler.enable(pipe)
    elif number:
        faulthandler.register(number, pipe)


def end_with_purser():
    """Ends the process when Purser is gone: stdin is closed and the parent another.

    stdin alone also closes when Purser asks to stop; then the signal does the work.
    """
    parent, sleep = os.getppid(), time.sleep  # gevent's would be another

    def watch():
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        while os.getppid() == parent:
            sleep(0.1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def say(text):
    """A line of Purser's own in the log of the app."""
    print("purser:", text, flush=True)


def of_loader(name):
    """A module that lies beside this one, where the app's do not look for theirs."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    try:
        return importlib.import_module(name)
    finally:
        del sys.path[0]

"""For all tests: signals as in a terminal, whoever started the tests."""

import signal

# A shell starts background jobs with Ctrl-C ignored, `nohup` ignores SIGHUP, and commands that tests start would inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

"""`python -m experiments`."""

import signal
import sys

from experiments.cli import main

if __name__ == "__main__":
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # a killed run tidies up like an interrupted one
    sys.exit(main())

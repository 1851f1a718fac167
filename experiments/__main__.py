"""`python -m experiments`."""

import sys

from experiments.running.cli import main, stop_politely

if __name__ == "__main__":
    stop_politely()
    sys.exit(main())

"""Every policy on every problem, over many seeds, as one table: `python -m experiments benchmark`."""

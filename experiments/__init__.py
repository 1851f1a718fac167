"""Scripts that run the environments and agents and leave metrics, tables, figures and recordings.

`python -m experiments` lists the commands.
"""

import sandbox

if not hasattr(sandbox, "warn_of_strangers"):
    raise ImportError(
        f"experiments needs the sandbox of orbital-autonomy-sandbox and found {sandbox!r}; "
        "install orbital-autonomy-sandbox in a fresh virtual environment."
    )

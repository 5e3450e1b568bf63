"""`python -P -m coglab.cli`: what `tools/run.py` hands over to."""

import os
import sys

from coglab.cli import main

if __name__ == "__main__":
    # Modules of the user's own are found in the folder where a command is typed, but behind everything else, so that
    # a file called `random.py` there breaks nothing.
    sys.path.append(os.getcwd())
    sys.exit(main(sys.argv[1:]))

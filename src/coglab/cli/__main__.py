"""`python -m coglab.cli`: what `tools/run.py` hands over to."""

import sys

from coglab.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

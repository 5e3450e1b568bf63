"""Where metrics go: names, the ledger in the run directory, Weights & Biases, the terminal.

`run.py` brings them together for a run that goes on; `ledger_reader.py` reads one that has been.
"""

"""Where metrics go: names, the ledger in the run directory, Weights & Biases, the terminal."""

"""The losses: pure functions of a shard of a minibatch and of the network's outputs on it (`batch.py`)."""

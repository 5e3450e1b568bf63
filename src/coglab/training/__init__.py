"""The training loop and what it is made of: rollout, advantages, losses, optimiser. Read `trainer.py` first."""

"""machina_1: rules, state, the step (read `step.py` first), observations, maps."""

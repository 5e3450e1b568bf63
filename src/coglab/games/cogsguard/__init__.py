"""CogsGuard: rules, state, the step (read `step.py` first), observations, maps, map memory, teachers."""

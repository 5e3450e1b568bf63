"""Checks for users' own code: does a simulator, a policy, a teacher keep its contract?"""

from coglab.testing.check_env import EnvCheckError, EnvReport, check_env

__all__ = ["EnvCheckError", "EnvReport", "check_env"]

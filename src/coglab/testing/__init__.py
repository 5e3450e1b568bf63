"""Checks for users' own code: does a simulator, a policy, a teacher keep its contract?"""

from coglab.testing.check_env import EnvCheckError, EnvReport, check_env
from coglab.testing.check_teacher import TeacherCheckError, TeacherReport, check_teacher

__all__ = [
    "EnvCheckError",
    "EnvReport",
    "TeacherCheckError",
    "TeacherReport",
    "check_env",
    "check_teacher",
]

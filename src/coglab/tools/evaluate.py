"""The tool `evaluate`: which policies play which held-out maps. The work is in `evaluate_run.py`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from coglab.config import UserError
from coglab.evaluation.config import EvaluationConfig
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.config import GameConfig
from coglab.tools import references
from coglab.tools.base import Tool
from coglab.training.config import SystemConfig


def _one_is_a_list(value: Any) -> Any:
    """Let a single URI stand for a list of one: no URI is spelt like a list."""
    return [value] if isinstance(value, str) else value


PolicyUris = Annotated[tuple[str, ...], BeforeValidator(_one_is_a_list)]
"""Policy URIs, or a single one."""


class EvaluateTool(Tool):
    """Play held-out maps with each policy; print a table with 95 % intervals and write it as JSON."""

    policy_uris: PolicyUris = ()
    """Which policies: `[metta://policy/first, "metta://policy/cogsguard?gear=10", metta://policy/random]`."""

    game: GameConfig = CogsGuardConfig()
    """Which game."""

    evaluation: EvaluationConfig = EvaluationConfig()
    """Maps, ways of choosing actions, seed."""

    train_dir: str = "./train_dir"
    """Folder of all runs, where `metta://policy/<run>` is looked up."""

    out: str | None = None
    """JSON file for the results. Left out: they are only printed."""

    replays: str | None = None
    """Folder for replays and pages of the best, the median and the worst episode of every policy. Left out: none."""

    system: SystemConfig = SystemConfig()
    """Device and precision."""

    def check(self) -> None:
        """Check that there is something to evaluate; see `Tool.check`."""
        if not self.policy_uris:
            raise UserError(
                "`policy_uris` is empty: name at least one policy. For example "
                "'policy_uris=[metta://policy/first, \"metta://policy/cogsguard?gear=10\", metta://policy/random]'."
            )
        for uri in self.policy_uris:
            references.check_policy(uri, self.game)
        references.check_game(self.game)

    def plan(self) -> list[str]:
        """Name the policies and the maps; see `Tool.plan`."""
        modes = " and ".join(self.evaluation.modes)
        return [
            f"{self.game.kind}: {self.evaluation.maps} held-out maps, {self.game.num_agents} agents, {modes}",
            *self.policy_uris,
        ]

    def run(self) -> int:
        """Evaluate; see `Tool.run`."""
        tool = self.resolve()
        from coglab.tools import evaluate_run

        return evaluate_run.run(tool)

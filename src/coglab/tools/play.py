"""The tool `play`: a person drives one agent in the terminal, among policies. The work is in `play_run.py`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from coglab.config import UserError
from coglab.evaluation.config import FIRST_EVALUATION_SEED
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.config import GameConfig
from coglab.games.registry import require_teacher_of
from coglab.tools import references
from coglab.tools.base import Tool
from coglab.tools.evaluate import PolicyUris
from coglab.training.config import SystemConfig


class PlayTool(Tool):
    """Play one episode in the terminal: you drive one agent, policies drive the others."""

    policy_uris: PolicyUris = ("metta://policy/cogsguard?gear=10",)
    """Who plays the other agents: one policy for all, or one for each agent."""

    policy_of_role: dict[str, str] = Field(default_factory=dict)
    """Policies of single roles, `{miner: metta://policy/miner}`."""

    game: GameConfig = CogsGuardConfig()
    """Which game."""

    drive: int | None = Field(0, ge=0)
    """The agent that you drive; `null` watches."""

    ticks_per_s: float = Field(8.0, gt=0, le=1000)
    """Speed while nobody is waited for: when you watch, or let the policy drive (`r`)."""

    serve: bool = False
    """Show the running episode in a browser on this machine besides; the address is printed."""

    port: int = Field(0, ge=0, le=65535)
    """Port for `serve`; 0 takes a free one."""

    map_seed: int = Field(FIRST_EVALUATION_SEED, ge=0)
    """Which map."""

    seed: int = Field(0, ge=0)
    """Of action sampling and of the game's events."""

    mode: Literal["sample", "greedy"] = "sample"
    """How actions are chosen from a learned policy's probabilities."""

    teacher_uri: str | None = None
    """A teacher whose advice is shown and recorded."""

    out: str | None = None
    """Replay of what was played, `FILE.json.z`, and its page beside it. Left out: none."""

    train_dir: str = "./train_dir"
    """Folder of all runs, where `metta://policy/<run>` is looked up."""

    system: SystemConfig = SystemConfig()
    """Device and precision."""

    def check(self) -> None:
        """Check what is named; see `Tool.check`."""
        if not self.policy_uris:
            raise UserError(
                "`policy_uris` is empty: say who plays the others, for example `policy_uris=metta://policy/random`."
            )
        for uri in (*self.policy_uris, *self.policy_of_role.values()):
            references.check_policy(uri, self.game)
        if self.teacher_uri is not None:
            require_teacher_of(self.teacher_uri, self.game)
        references.check_game(self.game)
        if self.drive is not None and self.drive >= self.game.num_agents:
            raise UserError(
                f"`drive={self.drive}`: the game has {self.game.num_agents} agents, 0 to {self.game.num_agents - 1}; "
                "for example `drive=0`, or `drive=null` to watch."
            )

    def plan(self) -> list[str]:
        """Say who plays; see `Tool.plan`."""
        you = "you watch" if self.drive is None else f"you drive agent {self.drive}"
        return [
            f"{self.game.kind}: {self.game.num_agents} agents, map {self.map_seed}; {you}",
            *self.policy_uris,
        ]

    def run(self) -> int:
        """Play; see `Tool.run`."""
        tool = self.resolve()
        from coglab.tools import play_run

        return play_run.run(tool)

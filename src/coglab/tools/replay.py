"""The tool `replay`: record an episode, check it, and make a page and pictures of it. The work is in `replay_run.py`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field

from coglab.config import UserError
from coglab.evaluation.config import FIRST_EVALUATION_SEED
from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.config import GameConfig
from coglab.games.registry import require_teacher_of
from coglab.policies.uris import parse_uri
from coglab.replay.config import PictureConfig
from coglab.tools import references
from coglab.tools.base import Tool
from coglab.tools.evaluate import PolicyUris
from coglab.training.config import SystemConfig

SUFFIXES = (".json.z", ".html")


class ReplayTool(Tool):
    """Record one episode, play it again as a check, and write a page that shows it in any browser."""

    policy_uris: PolicyUris = ()
    """Who plays: one policy for all agents, or one for each agent."""

    policy_of_role: dict[str, str] = Field(default_factory=dict)
    """Policies of single roles, `{miner: metta://policy/miner}`: they play the agents that show this vibe."""

    game: GameConfig = CogsGuardConfig()
    """Which game."""

    map_seed: int = Field(FIRST_EVALUATION_SEED, ge=0)
    """Which map. Evaluations use 1,000,000 and up; training never does."""

    seed: int = Field(0, ge=0)
    """Of action sampling and of the game's events."""

    mode: Literal["sample", "greedy"] = "sample"
    """How actions are chosen from a learned policy's probabilities."""

    teacher_uri: str | None = None
    """Whose labels the viewer shows beside the actions, for example `metta://policy/cogsguard?gear=10`."""

    input: str | None = None
    """An existing replay (`FILE.json.z`): check it and show it instead of recording a new one."""

    compare: str | None = None
    """Another replay to show beside this one."""

    out: str | None = None
    """Where to: `PATH` makes `PATH.json.z` and `PATH.html`. Left out: the run's folder or `train_dir`, below
    `replays/`, named after the episode."""

    verify: bool = True
    """Play the replay again from its seeds and actions and compare everything."""

    pictures: PictureConfig = PictureConfig()
    """Pictures to make besides: `{ticks: [420, -1], sheet: true, gif: true}`."""

    note: str = ""
    """Shown in the viewer."""

    train_dir: str = "./train_dir"
    """Folder of all runs, where `metta://policy/<run>` is looked up."""

    system: SystemConfig = SystemConfig()
    """Device and precision."""

    def check(self) -> None:
        """Check that there is something to show, and what is named; see `Tool.check`."""
        if self.input is None and not self.policy_uris:
            raise UserError(
                "`policy_uris` is empty: say who plays, for example "
                "'policy_uris=metta://policy/cogsguard?gear=10', or show an existing replay with `input=FILE.json.z`."
            )
        for uri in (*self.policy_uris, *self.policy_of_role.values()):
            references.check_policy(uri, self.game)
        if self.teacher_uri is not None:
            require_teacher_of(self.teacher_uri, self.game)
        references.check_game(self.game)

    def base_path(self) -> Path:
        """Return where the files go, without their endings."""
        if self.out is not None:
            text = self.out
            for suffix in SUFFIXES:
                text = text.removesuffix(suffix)
            return Path(text)
        if self.input is not None:
            return Path(self.input.removesuffix(SUFFIXES[0]))
        who = self.policy_uris[0].removeprefix("metta://policy/")
        game = self.game
        mission = Path(game.mission).stem if isinstance(game, CogsGuardConfig) else game.kind
        name = re.sub(r"[^A-Za-z0-9.]+", "-", f"{mission}-{self.map_seed}-{who}").strip("-.")
        reference = parse_uri(self.policy_uris[0])
        folder = Path(self.train_dir) / (reference.name if reference.kind == "run" else "")
        return folder / "replays" / name[:100]

    def plan(self) -> list[str]:
        """Say what is recorded and written; see `Tool.plan`."""
        path = self.base_path()
        source = (
            f"show {self.input}"
            if self.input is not None
            else f"{self.game.kind}: one episode on map {self.map_seed}, {self.game.num_agents} agents"
        )
        return [source, *self.policy_uris, *(f"{path}{suffix}" for suffix in SUFFIXES)]

    def run(self) -> int:
        """Record or read, check, write; see `Tool.run`."""
        tool = self.resolve()
        from coglab.tools import replay_run

        return replay_run.run(tool)

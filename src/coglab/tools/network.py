"""The tool `network`: what a network is made of, before any training."""

from __future__ import annotations

from pydantic import Field

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.config import GameConfig
from coglab.models.config import ArchitectureConfig, AutoConfig
from coglab.tools.base import Tool
from coglab.tools.hardware import has_nvidia_driver


class NetworkTool(Tool):
    """Print a network's components with their shapes, parameters and FLOPs per agent-step."""

    policy_architecture: ArchitectureConfig = Field(AutoConfig())
    """The network: `auto`, `fast`, `vit`, or a map such as `{kind: fast, cortex: {pattern: "[A,G]"}}`."""

    game: GameConfig = CogsGuardConfig()
    """What it plays."""

    def plan(self) -> list[str]:
        """Name the architecture; see `Tool.plan`."""
        return [f"build a {self.policy_architecture.kind} network and print its table"]

    def run(self) -> int:
        """Build and print; see `Tool.run`."""
        from coglab.models.build import build_network
        from coglab.models.config import resolve_architecture
        from coglab.models.interface import interface_of
        from coglab.models.table import render_table
        from coglab.tracking.display import OutputConsole, print_line

        device = "cuda" if has_nvidia_driver() else "cpu"
        architecture, reason = resolve_architecture(self.policy_architecture, device)
        console = OutputConsole()
        print_line(console, f"policy_architecture {architecture.kind} ({reason})")
        for line in render_table(build_network(architecture, interface_of(self.game))):
            print_line(console, line)
        return 0

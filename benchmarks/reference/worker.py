"""Runs inside the reference's environment: builds mettagrid games, steps them, and times itself.

Started by `client.py`; reads one JSON command per line from standard input and answers with one JSON object per line.
The games are the stock missions of cogames 0.6.0 and are stepped through the engine's own C++ `step`, without the
reference's Python wrapper, which costs another quarter: this is the reference at its best.
"""

import json
import os
import resource
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")  # pydantic complains about the reference's own map configurations
_answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
sys.stdout = sys.stderr  # whatever the reference prints must not mix with the answers

from cogames.cogs_vs_clips.missions import CogsGuardBasicMission, CogsGuardMachina1Mission  # noqa: E402
from cogames.policy.starter_agent import StarterCogPolicyImpl  # noqa: E402
from mettagrid.policy.policy_env_interface import PolicyEnvInterface  # noqa: E402
from mettagrid.simulator.simulator import Buffers, Simulation  # noqa: E402

MISSIONS = {"machina_1": CogsGuardMachina1Mission, "arena": CogsGuardBasicMission}
FIRST_VIBE_ACTION = 5
ROLES = ("miner", "aligner", "scrambler", "miner", "aligner", "scout", "miner", "aligner")


class Fleet:
    """Games of one mission that share action and observation arrays, as the reference's trainer lays them out.

    Game i has map seed i and engine seed i, so that recorded actions can be played again.
    """

    def __init__(self, mission: str, num_envs: int) -> None:
        """Build `num_envs` games; `build_s` is the CPU time per game."""
        config = MISSIONS[mission].make_env()
        agents = config.game.num_agents
        tokens = config.game.obs.num_tokens
        self.num_envs, self.num_agents = num_envs, agents
        self.observations = np.zeros((num_envs, agents, tokens, 3), np.uint8)
        flags = np.zeros((2, num_envs, agents), np.bool_)
        rewards = np.zeros((num_envs, agents), np.float32)
        self.moves = np.zeros((num_envs, agents), np.int32)
        self.vibes = np.zeros((num_envs, agents), np.int32)
        self.games = []
        begin = time.process_time()
        for env in range(num_envs):
            own = config.model_copy(deep=True)
            own.game.map_builder.seed = env
            buffers = Buffers(
                observations=self.observations[env],
                terminals=flags[0, env],
                truncations=flags[1, env],
                rewards=rewards[env],
                masks=np.ones(agents, np.bool_),
                actions=self.moves[env],
                teacher_actions=np.zeros(agents, np.int32),
                vibe_actions=self.vibes[env],
            )
            self.games.append(Simulation(own, seed=env, buffers=buffers))
        self.build_s = (time.process_time() - begin) / num_envs
        self.steps = [game._c_sim.step for game in self.games]
        self.map_size = [int(self.games[0]._c_sim.map_height), int(self.games[0]._c_sim.map_width)]
        self.info = PolicyEnvInterface.from_mg_cfg(config)

    def play(self, moves: np.ndarray, vibes: np.ndarray) -> None:
        """Step all games, one after the other, once per entry of [T, E, A] int32 actions."""
        for move, vibe in zip(moves, vibes, strict=True):
            self.moves[:] = move
            self.vibes[:] = vibe
            for step in self.steps:
                step()

    def play_one(self, env: int, moves: np.ndarray, vibes: np.ndarray) -> None:
        """Step game `env` alone."""
        step = self.steps[env]
        for move, vibe in zip(moves[:, env], vibes[:, env], strict=True):
            self.moves[env] = move
            self.vibes[env] = vibe
            step()


def random_actions(ticks: int, num_envs: int, num_agents: int, seed: int) -> np.ndarray:
    """Return [T, E, A] int32, uniform over the 12 actions; our side draws the same."""
    return np.random.default_rng(seed).integers(
        0, 12, (ticks, num_envs, num_agents), dtype=np.int32
    )


def record_play(mission: str, ticks: int, num_envs: int) -> np.ndarray:
    """Let the reference's own scripted agents play; return their actions [T, E, A] int32."""
    fleet = Fleet(mission, num_envs)
    players = [
        StarterCogPolicyImpl(fleet.info, agent, ROLES[agent % len(ROLES)])
        for agent in range(fleet.num_agents)
    ]
    states = [[player.initial_agent_state() for player in players] for _ in range(num_envs)]
    ids = fleet.games[0].action_ids
    actions = np.zeros((ticks, num_envs, fleet.num_agents), np.int32)
    for tick in range(ticks):
        for env, game in enumerate(fleet.games):
            for agent, player in enumerate(players):
                action, states[env][agent] = player.step_with_state(
                    game.agent(agent).observation, states[env][agent]
                )
                actions[tick, env, agent] = ids[action.name]
        moves, vibes = split(actions[tick : tick + 1])
        fleet.play(moves, vibes)
    return actions


def split(actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (moves, vibes): the engine takes vibe changes from a second buffer."""
    is_vibe = actions >= FIRST_VIBE_ACTION
    return np.where(is_vibe, 0, actions), np.where(is_vibe, actions, 0)


class Worker:
    """Answers commands; each command is a method."""

    def describe(self) -> dict:
        """Say what runs here."""
        from importlib.metadata import version

        packages = {name: version(name) for name in ("mettagrid", "cogames", "numpy", "pydantic")}
        return {"python": sys.version.split()[0], **packages}

    def load(
        self, mission: str, num_envs: int, ticks: int, play: str, record: str, seed: int
    ) -> dict:
        """Build a fleet and take its actions: `random`, or `teacher` from the file `record`, made when missing."""
        if play == "random":
            actions = random_actions(ticks, num_envs, len(ROLES), seed)
        elif os.path.exists(record):
            with np.load(record) as file:
                actions = file["actions"]
        else:
            actions = record_play(mission, ticks, num_envs)
            np.savez_compressed(record, actions=actions)
        before = memory_bytes()
        self.fleet = Fleet(mission, num_envs)
        self.stream = split(actions)
        self.next_tick = 0
        return {
            "build_s": self.fleet.build_s,
            "bytes_per_env": (memory_bytes() - before) / num_envs,
            "map_size": self.fleet.map_size,
            "agents": self.fleet.num_agents,
        }

    def measure(self, warmup: int, ticks: int, alone: bool) -> dict:
        """Step the next `warmup` ticks untimed and `ticks` ticks timed.

        With `alone`, one game after the other goes through all these ticks by itself, hot in the caches.
        """
        begin, middle = self.next_tick, self.next_tick + warmup
        end = middle + ticks
        moves, vibes = self.stream
        self.next_tick = end
        cpu = wall = 0.0
        for env in range(self.fleet.num_envs) if alone else (-1,):
            play = (
                self.fleet.play if env < 0 else lambda m, v, env=env: self.fleet.play_one(env, m, v)
            )
            play(moves[begin:middle], vibes[begin:middle])
            cpu -= time.process_time()
            wall -= time.perf_counter()
            play(moves[middle:end], vibes[middle:end])
            cpu += time.process_time()
            wall += time.perf_counter()
        count = ticks * self.fleet.num_envs * self.fleet.num_agents
        used = self.fleet.observations[..., 1] != 255
        return {
            "cpu_s": cpu,
            "wall_s": wall,
            "agent_steps": count,
            "tokens": float(used.sum(-1).mean()),
        }


def memory_bytes() -> int:
    """Return the memory that this process has in use now, or its peak where /proc does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Answer commands until standard input ends."""
    worker = Worker()
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(worker, command.pop("command"))(**command)
        print(json.dumps(answer), file=_answers, flush=True)


if __name__ == "__main__":
    main()

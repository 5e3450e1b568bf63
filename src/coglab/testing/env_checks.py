"""The checks that `check_env` makes of a batch simulator, one function each; `CHECKS` at the end lists them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from coglab.engine.batch_sim import BatchSim
from coglab.models.interface import GameInterface

SimFactory = Callable[..., BatchSim]
"""Called as `make_sim(num_envs=E, first_env_id=i, seed=s)`; returns a simulator whose first episodes have begun."""

RESULTS = ("tokens", "rewards", "terminated", "truncated", "success")
"""Arrays that a step writes for every row."""

BLANK, GLOBAL_LOCATION = 255, 254
NUM_ENVS = 3
MOST_TICKS = 2000


class CheckFailedError(Exception):
    """A simulator breaks a promise; the text says which and where."""


class SkippedCheckError(Exception):
    """A check does not apply."""


def require(holds: bool | np.bool_, what: str) -> None:
    """Raise `CheckFailedError(what)` unless `holds`; unlike `assert` it is there under `python -O` too."""
    if not holds:
        raise CheckFailedError(what)


@dataclass
class Case:
    """What one check works with."""

    make_sim: SimFactory
    interface: GameInterface
    ticks: int

    def make(self, num_envs: int = NUM_ENVS, first_env_id: int = 0, seed: int = 5) -> BatchSim:
        """Return a simulator with `num_envs` games."""
        return self.make_sim(num_envs=num_envs, first_env_id=first_env_id, seed=seed)

    def actions(self, sim: BatchSim, first_env_id: int = 0, ticks: int | None = None) -> np.ndarray:
        """Return [T, N] int32 random actions that depend on the tick and the global row alone."""
        ticks = self.ticks if ticks is None else ticks
        rows = (first_env_id + sim.num_envs) * sim.num_agents
        columns = [
            np.random.default_rng([17, row]).integers(0, sim.num_actions, ticks)
            for row in range(rows)
        ]
        return np.stack(columns, axis=1)[:, first_env_id * sim.num_agents :].astype(np.int32)


def _results(sim: BatchSim, rows: slice = slice(None)) -> dict[str, np.ndarray]:
    return {name: getattr(sim, name)[rows].copy() for name in RESULTS}


def _play(sim: BatchSim, actions: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    """Step through [T, N] actions; yield copies of the results after every tick."""
    for row in actions:
        sim.actions[:] = row
        sim.step()
        yield _results(sim)


def _require_equal(left: dict[str, np.ndarray], right: dict[str, np.ndarray], what: str) -> None:
    for name, array in left.items():
        other = right[name]
        require(
            array.shape == other.shape,
            f"{what}: `{name}` has shape {array.shape} in one and {other.shape}",
        )
        if not np.array_equal(array, other):
            row = int(np.argwhere(array != other)[0][0])
            raise CheckFailedError(f"{what}: `{name}` differs, first in row {row}")


def _check_sizes(case: Case) -> None:
    sim = case.make()
    require(isinstance(sim, BatchSim), f"these are missing: {_missing(sim)}")
    require(sim.num_envs == NUM_ENVS, f"num_envs is {sim.num_envs}, {NUM_ENVS} were asked for")
    require(
        sim.num_rows == sim.num_envs * sim.num_agents,
        f"num_rows is {sim.num_rows}, expected num_envs * num_agents = {sim.num_envs * sim.num_agents}",
    )
    require(
        len(sim.action_names) == sim.num_actions,
        f"{len(sim.action_names)} action names for num_actions={sim.num_actions}",
    )
    require(
        tuple(sim.action_names) == case.interface.action_names,
        f"action names are {sim.action_names}, the game's interface declares {case.interface.action_names}",
    )
    require(sim.max_steps >= 1, f"max_steps is {sim.max_steps}")


def _missing(sim: object) -> str:
    names = [
        *BatchSim.__annotations__,
        "actions",
        *RESULTS,
        "final_tokens",
        "reset",
        "step",
        "get_state",
        "set_state",
    ]
    return ", ".join(name for name in names if not hasattr(sim, name))


def _check_arrays(case: Case) -> None:
    sim = case.make()
    observation = (sim.num_rows, case.interface.num_tokens, 3)
    expected = {
        "actions": ((sim.num_rows,), np.int32),
        "tokens": (observation, np.uint8),
        "final_tokens": (observation, np.uint8),
        "rewards": ((sim.num_rows,), np.float32),
        "terminated": ((sim.num_rows,), np.bool_),
        "truncated": ((sim.num_rows,), np.bool_),
        "success": ((sim.num_rows,), np.bool_),
    }
    for name, (shape, dtype) in expected.items():
        array = getattr(sim, name)
        require(
            isinstance(array, np.ndarray),
            f"`{name}` is a {type(array).__name__}, expected a numpy array",
        )
        require(array.shape == shape, f"`{name}` has shape {array.shape}, expected {shape}")
        require(array.dtype == dtype, f"`{name}` is {array.dtype}, expected {np.dtype(dtype)}")
        require(array.flags.c_contiguous, f"`{name}` is not C-contiguous")
        require(array.flags.writeable, f"`{name}` is read only")


def _check_ownership(case: Case) -> None:
    sim = case.make()
    names = (*RESULTS, "final_tokens", "actions")
    before = {name: getattr(sim, name) for name in names}
    addresses = {name: array.ctypes.data for name, array in before.items()}
    for name in names:
        for other in names:
            is_shared = name < other and np.shares_memory(before[name], before[other])
            require(not is_shared, f"`{name}` and `{other}` share memory")
    for actions in case.actions(sim, ticks=10):
        sim.actions[:] = actions
        sim.step()
        require(
            np.array_equal(sim.actions, actions),
            "step writes to `actions`, which belong to the caller",
        )
    sim.reset(3)
    for name, address in addresses.items():
        require(
            getattr(sim, name).ctypes.data == address,
            f"`{name}` is another array after step and reset",
        )


def _check_determinism(case: Case) -> None:
    first, second = case.make(seed=5), case.make(seed=5)
    actions = case.actions(first)
    _require_equal(
        {"tokens": first.tokens},
        {"tokens": second.tokens},
        "two simulators with one seed, at the start",
    )
    for tick, (left, right) in enumerate(
        zip(_play(first, actions), _play(second, actions), strict=True)
    ):
        _require_equal(left, right, f"two simulators with one seed, tick {tick + 1}")


def _check_reset(case: Case) -> None:
    sim = case.make(seed=5)
    start = sim.tokens.copy()
    actions = case.actions(sim)
    played = list(_play(sim, actions))
    for seed in (None, 5):
        sim.reset(seed)
        _require_equal(
            {"tokens": sim.tokens}, {"tokens": start}, f"reset({seed}), first observation"
        )
        for tick, (again, before) in enumerate(zip(_play(sim, actions), played, strict=True)):
            _require_equal(again, before, f"reset({seed}), tick {tick + 1}")


def _check_seed(case: Case) -> None:
    first, second = case.make(seed=5), case.make(seed=6)
    actions = case.actions(first)
    pairs = zip(_play(first, actions), _play(second, actions), strict=True)
    differs = any(
        not np.array_equal(left[name], right[name]) for left, right in pairs for name in RESULTS
    )
    require(differs, f"seeds 5 and 6 give the same {case.ticks} ticks")


def _check_batch_independence(case: Case) -> None:
    together = case.make()
    played = list(_play(together, case.actions(together)))
    agents = together.num_agents
    for env in range(NUM_ENVS):
        alone = case.make(num_envs=1, first_env_id=env)
        rows = slice(env * agents, (env + 1) * agents)
        for tick, result in enumerate(_play(alone, case.actions(alone, first_env_id=env))):
            expected = {name: array[rows] for name, array in played[tick].items()}
            _require_equal(
                result, expected, f"game {env} alone and among {NUM_ENVS}, tick {tick + 1}"
            )


def _check_ranges(case: Case) -> None:
    whole, parts = case.make(), case.make()
    actions = case.actions(whole)
    agents = whole.num_agents
    for tick, expected in enumerate(_play(whole, actions)):
        parts.actions[:] = actions[tick]
        for first in reversed(range(NUM_ENVS)):
            others = np.ones(parts.num_rows, bool)
            others[first * agents : (first + 1) * agents] = False
            before = {name: array[others] for name, array in _results(parts).items()}
            parts.step(first, first + 1)
            after = {name: array[others] for name, array in _results(parts).items()}
            _require_equal(
                after, before, f"step({first}, {first + 1}) touches other games in tick {tick + 1}"
            )
        _require_equal(
            _results(parts), expected, f"stepping game by game, backwards, tick {tick + 1}"
        )


def _check_threads(case: Case) -> None:
    alone, threaded = case.make(num_envs=4), case.make(num_envs=4)
    actions = case.actions(alone)
    expected = list(_play(alone, actions))[-1]
    agents = alone.num_agents
    errors: list[Exception] = []

    def work(first: int, last: int) -> None:
        try:
            for row in actions:
                threaded.actions[first * agents : last * agents] = row[
                    first * agents : last * agents
                ]
                threaded.step(first, last)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=pair) for pair in ((0, 1), (1, 4))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    _require_equal(
        _results(threaded),
        expected,
        f"two threads on ranges of their own, after {case.ticks} ticks",
    )


def _check_auto_reset(case: Case) -> None:
    sim = case.make()
    if sim.max_steps > MOST_TICKS:
        raise SkippedCheckError(
            f"max_steps is {sim.max_steps}; let the factory make episodes of at most {MOST_TICKS} ticks"
        )
    agents = sim.num_agents
    length = np.zeros(NUM_ENVS, int)
    actions = case.actions(sim, ticks=2 * sim.max_steps + 1)
    has_ended = np.zeros(NUM_ENVS, bool)
    for row in actions:
        before = sim.tokens.copy()
        sim.actions[:] = row
        sim.step()
        length += 1
        ended = (sim.terminated | sim.truncated).reshape(NUM_ENVS, agents)
        require(
            not (sim.terminated & sim.truncated).any(), "a row is both terminated and truncated"
        )
        require(
            (ended.all(axis=1) == ended.any(axis=1)).all(),
            "an episode ended for some agents of a game only",
        )
        for env in np.flatnonzero(ended.any(axis=1)):
            rows = slice(env * agents, (env + 1) * agents)
            if sim.terminated[rows].all():
                require(
                    length[env] == sim.max_steps or has_ended[env],
                    f"game {env} terminated after {length[env]} ticks, max_steps is {sim.max_steps}",
                )
            _check_tokens(case.interface, sim.final_tokens[rows], f"final_tokens of game {env}")
            changed = not np.array_equal(sim.final_tokens[rows], sim.tokens[rows])
            require(
                changed,
                f"game {env} ended and `tokens` still shows the last observation: no reset within the step",
            )
            require(
                not np.array_equal(before[rows], sim.tokens[rows]),
                f"game {env} ended and `tokens` was not written",
            )
            length[env], has_ended[env] = 0, True
        late = length > sim.max_steps
        require(
            not late.any(),
            f"games {np.flatnonzero(late)} go on after max_steps={sim.max_steps} ticks",
        )
    require(has_ended.all(), f"games {np.flatnonzero(~has_ended)} never ended")


def _check_state(case: Case) -> None:
    sim, other = case.make(), case.make(seed=99)
    actions = case.actions(sim)
    half = len(actions) // 2
    for _ in _play(sim, actions[:half]):
        pass
    saved = sim.get_state()
    tokens = sim.tokens.copy()
    expected = list(_play(sim, actions[half:]))
    other.set_state(saved)
    _require_equal({"tokens": other.tokens}, {"tokens": tokens}, "set_state, present observation")
    for tick, result in enumerate(_play(other, actions[half:])):
        _require_equal(
            result, expected[tick], f"set_state in another simulator, {tick + 1} ticks later"
        )


def _check_invalid_actions(case: Case) -> None:
    sim = case.make()
    wild = np.array([-1, sim.num_actions, 2**31 - 1, -(2**31)], np.int32)
    for _ in range(5):
        sim.actions[:] = np.resize(wild, sim.num_rows)
        sim.step()
        require(not sim.success.any(), "an action outside the list is reported as a success")
        _check_tokens(case.interface, sim.tokens, "tokens after actions outside the list")


def _check_rewards(case: Case) -> None:
    sim = case.make()
    for tick, result in enumerate(_play(sim, case.actions(sim))):
        require(np.isfinite(result["rewards"]).all(), f"a reward of tick {tick + 1} is not finite")


def _check_observations(case: Case) -> None:
    sim = case.make()
    _check_tokens(case.interface, sim.tokens, "first tokens")
    for tick, result in enumerate(_play(sim, case.actions(sim))):
        _check_tokens(case.interface, result["tokens"], f"tokens of tick {tick + 1}")


def _check_tokens(interface: GameInterface, tokens: np.ndarray, what: str) -> None:
    """Require that every byte of [N, K, 3] tokens is one that the interface declares."""
    location, feature, value = (tokens[..., part].astype(int) for part in range(3))
    is_blank = feature == BLANK
    require((tokens[is_blank] == BLANK).all(), f"{what}: a blank token is not 255, 255, 255")
    require(
        (np.diff(is_blank.astype(int), axis=1) >= 0).all(),
        f"{what}: used tokens follow a blank one",
    )
    require(not is_blank[:, 0].any(), f"{what}: row {int(np.argmax(is_blank[:, 0]))} has no token")
    used = ~is_blank
    is_inside = ((location >> 4) < interface.window) & ((location & 15) < interface.window)
    _require_none(
        used & ~is_inside & (location != GLOBAL_LOCATION),
        location,
        f"{what}: locations outside the window",
    )
    declared = [declared.id for declared in interface.features]
    _require_none(used & ~np.isin(feature, declared), feature, f"{what}: undeclared features")
    limits = {"tag": len(interface.tag_names), "last_action": interface.num_actions}
    for name, limit in limits.items():
        wrong = used & (feature == interface.feature_id(name)) & (value >= limit)
        _require_none(wrong, value, f"{what}: values of feature {name} that are not below {limit}")


def _require_none(wrong: np.ndarray, values: np.ndarray, what: str) -> None:
    require(not wrong.any(), f"{what}: {sorted(set(values[wrong].tolist()))}")


CHECKS: dict[str, Callable[[Case], None]] = {
    "sizes and names": _check_sizes,
    "shapes, dtypes and contiguity of the arrays": _check_arrays,
    "arrays belong to their owners": _check_ownership,
    "one seed, one outcome": _check_determinism,
    "reset starts again from the first episode": _check_reset,
    "the seed matters": _check_seed,
    "a game does not depend on its batch": _check_batch_independence,
    "ranges are independent": _check_ranges,
    "threads may step ranges of their own": _check_threads,
    "episodes end, and the next begins in the same step": _check_auto_reset,
    "saved state continues exactly": _check_state,
    "actions outside the list do nothing": _check_invalid_actions,
    "rewards are finite": _check_rewards,
    "observation bytes are declared ones": _check_observations,
}
"""What is checked, by the name that a report shows."""

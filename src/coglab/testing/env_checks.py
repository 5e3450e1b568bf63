"""The checks that `check_env` makes of a batch simulator, one function each; `CHECKS` at the end lists them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from coglab.engine.batch_sim import BatchSim
from coglab.testing.env_case import (
    NUM_ENVS,
    RESULTS,
    Case,
    SkippedCheckError,
    play,
    require,
    require_declared_tokens,
    require_equal,
    results_of,
)

MOST_TICKS = 2000
"""Longest episodes that are played to their end."""


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
    require_equal(
        {"tokens": first.tokens},
        {"tokens": second.tokens},
        "two simulators with one seed, at the start",
    )
    for tick, (left, right) in enumerate(
        zip(play(first, actions), play(second, actions), strict=True)
    ):
        require_equal(left, right, f"two simulators with one seed, tick {tick + 1}")


def _check_reset(case: Case) -> None:
    sim = case.make(seed=5)
    start = sim.tokens.copy()
    actions = case.actions(sim)
    played = list(play(sim, actions))
    for seed in (None, 5):
        sim.reset(seed)
        require_equal(
            {"tokens": sim.tokens}, {"tokens": start}, f"reset({seed}), first observation"
        )
        for tick, (again, before) in enumerate(zip(play(sim, actions), played, strict=True)):
            require_equal(again, before, f"reset({seed}), tick {tick + 1}")


def _check_seed(case: Case) -> None:
    first, second = case.make(seed=5), case.make(seed=6)
    actions = case.actions(first)
    pairs = zip(play(first, actions), play(second, actions), strict=True)
    differs = any(
        not np.array_equal(left[name], right[name]) for left, right in pairs for name in RESULTS
    )
    require(differs, f"seeds 5 and 6 give the same {case.ticks} ticks")


def _check_batch_independence(case: Case) -> None:
    together = case.make()
    played = list(play(together, case.actions(together)))
    agents = together.num_agents
    for env in range(NUM_ENVS):
        alone = case.make(num_envs=1, first_env_id=env)
        rows = slice(env * agents, (env + 1) * agents)
        for tick, result in enumerate(play(alone, case.actions(alone, first_env_id=env))):
            expected = {name: array[rows] for name, array in played[tick].items()}
            require_equal(
                result, expected, f"game {env} alone and among {NUM_ENVS}, tick {tick + 1}"
            )


def _check_ranges(case: Case) -> None:
    whole, parts = case.make(), case.make()
    actions = case.actions(whole)
    agents = whole.num_agents
    for tick, expected in enumerate(play(whole, actions)):
        parts.actions[:] = actions[tick]
        for first in reversed(range(NUM_ENVS)):
            others = np.ones(parts.num_rows, bool)
            others[first * agents : (first + 1) * agents] = False
            before = {name: array[others] for name, array in results_of(parts).items()}
            parts.step(first, first + 1)
            after = {name: array[others] for name, array in results_of(parts).items()}
            require_equal(
                after, before, f"step({first}, {first + 1}) touches other games in tick {tick + 1}"
            )
        require_equal(
            results_of(parts), expected, f"stepping game by game, backwards, tick {tick + 1}"
        )


def _check_threads(case: Case) -> None:
    alone, threaded = case.make(num_envs=4), case.make(num_envs=4)
    actions = case.actions(alone)
    expected = list(play(alone, actions))[-1]
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
    require_equal(
        results_of(threaded),
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
            require_declared_tokens(
                case.interface, sim.final_tokens[rows], f"final_tokens of game {env}"
            )
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


def _check_episode_records(case: Case) -> None:
    sim = case.make()
    if sim.max_steps > MOST_TICKS:
        raise SkippedCheckError(
            f"max_steps is {sim.max_steps}; let the factory make short episodes"
        )
    shape = (NUM_ENVS, sim.num_agents)
    expected = {
        "count": ((NUM_ENVS,), np.int64),
        "length": ((NUM_ENVS,), np.int32),
        "was_cut": ((NUM_ENVS,), np.bool_),
        "returns": (shape, np.float32),
        "agent": ((*shape, len(sim.agent_stats)), np.float32),
    }
    for name, (size, dtype) in expected.items():
        array = getattr(sim.episode, name)
        require(
            array.shape == size and array.dtype == dtype,
            f"`episode.{name}` is {array.dtype} {array.shape}, expected {np.dtype(dtype)} {size}",
        )
    count, length = np.zeros(NUM_ENVS, int), np.zeros(NUM_ENVS, int)
    returns = np.zeros(shape)
    for result in play(sim, case.actions(sim, ticks=sim.max_steps + 1)):
        length += 1
        returns += result["rewards"].reshape(shape)
        is_cut = result["truncated"].reshape(shape)[:, 0]
        ended = result["terminated"].reshape(shape)[:, 0] | is_cut
        count += ended
        record = sim.episode
        require(
            np.array_equal(record.count, count),
            f"`episode.count` is {record.count}, {count} episodes ended",
        )
        for env in np.flatnonzero(ended):
            found = f"game {env}: `episode."
            require(
                record.length[env] == length[env],
                f"{found}length` is {record.length[env]} after {length[env]} ticks",
            )
            require(record.was_cut[env] == is_cut[env], f"{found}was_cut` is {record.was_cut[env]}")
            require(
                np.allclose(record.returns[env], returns[env], atol=1e-4),
                f"{found}returns` is {record.returns[env]}, the rewards sum to {returns[env]}",
            )
            length[env], returns[env] = 0, 0


def _check_state(case: Case) -> None:
    sim, other = case.make(), case.make(seed=99)
    actions = case.actions(sim)
    half = len(actions) // 2
    for _ in play(sim, actions[:half]):
        pass
    saved = sim.get_state()
    tokens = sim.tokens.copy()
    expected = list(play(sim, actions[half:]))
    other.set_state(saved)
    require_equal({"tokens": other.tokens}, {"tokens": tokens}, "set_state, present observation")
    for tick, result in enumerate(play(other, actions[half:])):
        require_equal(
            result, expected[tick], f"set_state in another simulator, {tick + 1} ticks later"
        )


def _check_invalid_actions(case: Case) -> None:
    sim = case.make()
    wild = np.array([-1, sim.num_actions, 2**31 - 1, -(2**31)], np.int32)
    for _ in range(5):
        sim.actions[:] = np.resize(wild, sim.num_rows)
        sim.step()
        require(not sim.success.any(), "an action outside the list is reported as a success")
        require_declared_tokens(case.interface, sim.tokens, "tokens after actions outside the list")


def _check_rewards(case: Case) -> None:
    sim = case.make()
    for tick, result in enumerate(play(sim, case.actions(sim))):
        require(np.isfinite(result["rewards"]).all(), f"a reward of tick {tick + 1} is not finite")


def _check_observations(case: Case) -> None:
    sim = case.make()
    require_declared_tokens(case.interface, sim.tokens, "first tokens")
    for tick, result in enumerate(play(sim, case.actions(sim))):
        require_declared_tokens(case.interface, result["tokens"], f"tokens of tick {tick + 1}")


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
    "finished episodes are recorded": _check_episode_records,
    "saved state continues exactly": _check_state,
    "actions outside the list do nothing": _check_invalid_actions,
    "rewards are finite": _check_rewards,
    "observation bytes are declared ones": _check_observations,
}
"""What is checked, by the name that a report shows."""

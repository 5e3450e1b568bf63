"""Play a replay again from its seeds and actions, and say where it differs, if it does."""

from __future__ import annotations

from typing import Any

import numpy as np

from coglab.config import UserError
from coglab.replay import tracks
from coglab.replay.file import Document
from coglab.replay.games import game_in
from coglab.replay.recorder import Heading, Recorder

_THOUGHTS = ("policy_id", "teacher_action_id", "value", "probabilities")
"""What the policies thought: the simulator cannot know it."""


def actions_of(document: Document) -> np.ndarray:
    """Read all actions of a replay.

    Args:
        document: a replay.

    Returns:
        `[S, A]` int32.

    Raises:
        ValueError: a track is damaged, or an agent is missing.
    """
    steps, agents = document["steps"], document["num_agents"]
    actions = np.zeros((steps, agents), np.int32)
    found = np.zeros(agents, bool)
    for thing in document["objects"]:
        agent = thing.get("agent_id")
        if agent is None:
            continue
        if not isinstance(agent, int) or not 0 <= agent < agents or found[agent]:
            raise ValueError(f"agent_id {agent!r}")
        found[agent] = True
        if steps:
            actions[:, agent] = tracks.decode(thing["action_id"], steps)
    if not found.all():
        raise ValueError(f"agents {np.flatnonzero(~found).tolist()} are missing")
    return actions


def play_again(document: Document) -> Document:
    """Play the actions of a replay in a fresh simulator with its seeds.

    A stock mission's map is drawn again from its seed. That of a text map is taken from the replay: the file that it
    came from may have changed, and no path in a replay is ever opened.

    Args:
        document: a replay.

    Returns:
        The replay of what happened now, without what policies thought.

    Raises:
        UserError: the replay is damaged or of a game that cannot be played.
    """
    game, config = game_in(document)
    try:
        actions = actions_of(document)
        options: dict[str, Any] = {}
        if game.grid_of is not None and game.takes_grid(config):
            options["grid"] = game.grid_of(document)
        sim = game.make_game(
            config,
            map_seed=document["map_seed"],
            seed=document["seed"],
            env_id=document["env_id"],
            **options,
        )
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise UserError(f"the replay is damaged: {error}.") from None
    if actions.shape[1] != sim.num_agents or len(actions) > sim.max_steps:
        raise UserError(
            f"the replay is damaged: {actions.shape[1]} agents and {len(actions)} ticks do not fit its game "
            f"({sim.num_agents} agents, {sim.max_steps} ticks)."
        )
    heading = Heading(
        document["config"], document["seed"], document["env_id"], document["map_seed"]
    )
    recorder = Recorder(sim, game.make_reader(sim), heading)
    for row in actions:
        sim.actions[:] = row
        recorder.before_step()
        sim.step()
        recorder.after_step()
    return recorder.document()


def first_difference(document: Document) -> str | None:
    """Play a replay again and compare everything that the simulator decides, the agents' observations included.

    Args:
        document: a replay.

    Returns:
        None if it is the same to the bit, otherwise where it differs first.

    Raises:
        UserError: the replay is damaged or of a game that cannot be played.
    """
    again = play_again(document)
    for key in ("map_size", "walls", "max_steps"):
        if document[key] != again[key]:
            return f"`{key}` differs: these seeds make another map or episode"
    if len(document["objects"]) != len(again["objects"]):
        return f"there are {len(document['objects'])} objects, playing again gives {len(again['objects'])}"
    found: list[tuple[int, str]] = []
    for old, new in zip(document["objects"], again["objects"], strict=True):
        name = f"agent {new['agent_id']}" if "agent_id" in new else f"object {new['id']}"
        for key, value in new.items():
            if key not in _THOUGHTS and old.get(key) != value:
                found.append((_first_step(old.get(key), value), f"`{key}` of {name}"))
    if found:
        step, where = min(found)
        return f"{where} differs from step {step} on"
    for key in ("collectives", "team", "events", "observation_crc32"):
        if document.get(key) != again.get(key):
            return f"`{key}` differs"
    return None


def _first_step(old: Any, new: Any) -> int:
    """First step at which two tracks, or containers of tracks, differ; 0 where that cannot be told."""
    if isinstance(old, dict) and isinstance(new, dict) and "delta" not in old:
        both = [(old.get(key, 0), new.get(key, 0)) for key in {*old, *new}]
        return min((_first_step(a, b) for a, b in both if a != b), default=0)
    if isinstance(old, list) and isinstance(new, list) and not (_is_series(old) or _is_series(new)):
        return min((_first_step(a, b) for a, b in zip(old, new, strict=False) if a != b), default=0)
    try:
        length = max(_length(old), _length(new))
        different = np.flatnonzero(tracks.decode(old, length) != tracks.decode(new, length))
        return int(different[0]) if len(different) else 0
    except (ValueError, TypeError, KeyError, IndexError):
        return 0


def _is_series(value: list[Any]) -> bool:
    """Tell `[[step, value], ...]` from a list of tracks, such as a location."""
    return all(isinstance(entry, list) and entry and isinstance(entry[0], int) for entry in value)


def _length(track: Any) -> int:
    if isinstance(track, dict):
        return len(track["delta"])
    return track[-1][0] + 1 if isinstance(track, list) else 1

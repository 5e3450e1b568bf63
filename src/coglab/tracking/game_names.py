"""Metrics of episodes: what the games count. Names are those of the games' own statistics, after a prefix.

`env_agent/`: summed over the agents of a game, divided by their number. `env_collective/<side>/`: of one side.
`env_game/`: of the whole game.
"""

from __future__ import annotations

from coglab.tracking.metric import Metric

GAME_PLACEHOLDERS: dict[str, tuple[str, str]] = {
    "<resource>": (
        r"(?:energy|heart|hp|influence|oxygen|carbon|germanium|silicon"
        r"|aligner|scrambler|miner|scout|decoder|modulator|resonator)",
        "energy, heart, hp, influence, oxygen, carbon, germanium, silicon, aligner, scrambler, "
        "miner, scout; in machina_1 also decoder, modulator, resonator",
    ),
    "<good>": (r"(?:heart|energy|oxygen|carbon|germanium|silicon)", "heart, energy or an element"),
    "<side>": (r"(?:cogs|clips)", "cogs (our agents), clips (the opponent)"),
    "<kind>": (
        r"(?:junction|hub|chest|agent|(?:aligner|scrambler|miner|scout)_station)",
        "junction, hub, chest, agent, aligner_station, scrambler_station, miner_station, scout_station",
    ),
    "<cell>": (
        r"[a-z0-9_.]+",
        "a cell name of the map: wall, junction, carbon_extractor, agent.agent, ...",
    ),
    "<index>": (r"\d+", "an action index that the game does not have"),
    "<action>": (r"[a-z0-9_]+", "an action: noop, move, change_vibe"),
}

GAME_METRICS: dict[str, Metric] = {
    "env_agent/heart.gained": Metric(
        "hearts / agent",
        "episodes",
        "higher",
        "Hearts an agent took hold of in an episode, from the hub, a chest or an assembler.",
    ),
    "env_agent/junction.aligned_by_agent": Metric(
        "junctions / agent",
        "episodes",
        "higher",
        "Junctions an agent won for its side; each costs a heart and an influence.",
    ),
    "env_agent/junction.scrambled_by_agent": Metric(
        "junctions / agent",
        "episodes",
        "higher",
        "Junctions an agent took away from the other side; each costs a heart.",
    ),
    "env_agent/<resource>.gained": Metric(
        "units / agent",
        "episodes",
        "none",
        "Sum of all increases of what an agent holds, the initial energy and hp included.",
    ),
    "env_agent/<resource>.lost": Metric(
        "units / agent", "episodes", "none", "Sum of all decreases of what an agent holds."
    ),
    "env_agent/<resource>.amount": Metric(
        "units / agent", "episodes", "none", "What an agent holds at the end of the episode."
    ),
    "env_agent/action.<action>.success": Metric(
        "ticks / agent",
        "episodes",
        "none",
        "Actions of this kind that succeeded. Using a building is a successful move.",
    ),
    "env_agent/action.move.failed": Metric(
        "ticks / agent", "episodes", "lower", "Moves into something that gives way to nothing."
    ),
    "env_agent/action.failed": Metric(
        "ticks / agent", "episodes", "lower", "Actions of any kind that failed."
    ),
    "env_agent/action.invalid_index": Metric(
        "ticks / agent", "episodes", "lower", "Action indices that the game does not have."
    ),
    "env_agent/action.invalid_index.<index>": Metric(
        "ticks / agent", "episodes", "lower", "The same, for one index."
    ),
    "env_agent/status.max_steps_without_motion": Metric(
        "ticks", "episodes", "lower", "Longest stretch in which an agent stayed in its cell."
    ),
    "env_agent/chest.heart.deposited_by_agent": Metric(
        "hearts / agent", "episodes", "higher", "machina_1: hearts an agent put into a chest."
    ),
    "env_agent/chest.<good>.deposited_by_agent": Metric(
        "units / agent", "episodes", "none", "machina_1: what an agent put into a chest."
    ),
    "env_agent/chest.<good>.withdrawn_by_agent": Metric(
        "units / agent",
        "episodes",
        "none",
        "machina_1: what an agent took out of a chest; always 0 for hearts, which stay in it.",
    ),
    "env_agent/inventory.diversity": Metric(
        "kinds",
        "episodes",
        "none",
        "machina_1: number of different resources that an agent holds at the end.",
    ),
    "env_collective/<side>/aligned.junction.held": Metric(
        "junctions x ticks",
        "episodes",
        "higher",
        "Sum over the ticks of an episode of the junctions that the side owned. Grows with the "
        "episode's length. For the clips, lower is better.",
    ),
    "env_collective/<side>/aligned.junction.held_per_step": Metric(
        "junctions",
        "episodes",
        "higher",
        "Junctions that the side owned in an average tick: `aligned.junction.held` divided by the "
        "episode's length. For the clips, lower is better.",
    ),
    "env_collective/<side>/aligned.<kind>": Metric(
        "objects", "episodes", "none", "What the side owns at the end of the episode."
    ),
    "env_collective/<side>/aligned.<kind>.gained": Metric(
        "objects", "episodes", "none", "Times that the side won one."
    ),
    "env_collective/<side>/aligned.<kind>.lost": Metric(
        "objects", "episodes", "none", "Times that the side lost one."
    ),
    "env_collective/<side>/aligned.<kind>.held": Metric(
        "objects x ticks", "episodes", "none", "Sum over ticks of the number that the side owned."
    ),
    "env_collective/<side>/<resource>.deposited": Metric(
        "units",
        "episodes",
        "none",
        "Sum of all increases of the side's stock, the initial stock included.",
    ),
    "env_collective/<side>/<resource>.withdrawn": Metric(
        "units",
        "episodes",
        "none",
        "Sum of all decreases of the side's stock: hearts and gear are paid from it.",
    ),
    "env_collective/<side>/<resource>.amount": Metric(
        "units", "episodes", "none", "The side's stock at the end of the episode."
    ),
    "env_collective/<side>/junction": Metric(
        "junctions",
        "episodes",
        "none",
        "Always 0: the statistic that the reward variant `milestones` names and nothing writes. "
        "Kept because the published rules do so.",
    ),
    "env_game/objects.<cell>": Metric(
        "objects", "episodes", "none", "Objects of this kind on the map at the start."
    ),
    "env_game/tokens_written": Metric(
        "tokens", "episodes", "none", "Observation tokens written, over all agents and ticks."
    ),
    "env_game/tokens_dropped": Metric(
        "tokens", "episodes", "lower", "Observation tokens that did not fit into 200."
    ),
    "env_game/tokens_free_space": Metric(
        "tokens", "episodes", "none", "Observation tokens left empty."
    ),
    "env_game/chest.<good>.deposited": Metric(
        "units",
        "episodes",
        "none",
        "Put into chests. In CogsGuard extractors count here too, with their content at the start; "
        "in machina_1 `heart` is the score.",
    ),
    "env_game/chest.<good>.withdrawn": Metric(
        "units", "episodes", "none", "Taken out of chests and, in CogsGuard, extractors."
    ),
    "env_game/chest.<good>.amount": Metric(
        "units", "episodes", "none", "Content of the chest or extractor that was touched last."
    ),
    "env_game/assembler.heart.created": Metric(
        "hearts", "episodes", "higher", "machina_1: hearts that the team made."
    ),
    "env_game/assembler.<resource>.created": Metric(
        "units", "episodes", "none", "machina_1: what stations of all kinds gave to agents."
    ),
    "env_game/length": Metric("ticks", "episodes", "none", "Length of the episodes."),
}

"""Builds the parts of a training run from its configuration: maps, games, network, encoder, teacher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coglab.games.registry import game_of
from coglab.models.build import build_network
from coglab.models.config import resolve_architecture
from coglab.models.interface import interface_of
from coglab.policies.uris import parse_uri
from coglab.training.device import (
    Device,
    MatmulPrecision,
    Precision,
    choose_device,
    choose_matmul_precision,
    choose_precision,
    seed_weights,
)
from coglab.training.geometry import Geometry, resolve_geometry
from coglab.training.learned_teacher import load_learned_teacher

if TYPE_CHECKING:
    from coglab.models.config import FastConfig, VitConfig
    from coglab.models.encoder import Encoder
    from coglab.models.network import Network
    from coglab.tools.train import TrainTool


@dataclass
class Parts:
    """Everything that a trainer is given.

    Attributes:
        device: where the network runs.
        precision: `float32` or `bfloat16`.
        matmul_precision: of float32 matrix products.
        architecture: resolved, never `auto`.
        reason: why this architecture, one line.
        geometry: sizes.
        pool: the maps.
        sim: the games, reset.
        network: on `device`.
        encoder: writes network inputs.
        teacher: labels, or None.
        team_facts: what the critic may see of the whole team, or None if the network's critic reads no such thing.
    """

    device: Device
    precision: Precision
    matmul_precision: MatmulPrecision
    architecture: FastConfig | VitConfig
    reason: str
    geometry: Geometry
    pool: Any
    sim: Any
    network: Network
    encoder: Encoder
    teacher: Any | None
    team_facts: Any | None


def assemble(tool: TrainTool, num_ranks: int = 1, rank: int = 0) -> Parts:
    """Build the parts of a run.

    The network's weights come from the run's seed alone.

    Args:
        tool: a resolved configuration.
        num_ranks: processes that train the run together, each with its part of the games.
        rank: which of them this is.

    Returns:
        The parts, with fresh weights and games at their first observation.

    Raises:
        UserError: sizes that do not fit, a device that is not there, an unknown teacher.
    """
    seed = tool.system.seed
    device = choose_device(tool.system.device)
    architecture, reason = resolve_architecture(tool.policy_architecture, device.type)
    geometry = resolve_geometry(
        tool.trainer,
        tool.training_env,
        device=device.type,
        is_light=architecture.is_light,
        num_ranks=num_ranks,
        rank=rank,
    )
    env = tool.training_env
    game = game_of(env.game)
    pool = game.training_maps(env.game, env.map_pool, seed)
    sim = game.make_sim(
        env.game,
        geometry.num_envs,
        pool,
        seed=seed,
        first_env_id=geometry.first_env_id,
        exact_order=env.exact_order,
        desynchronize=env.desynchronize,
    )
    seed_weights(seed)
    network = build_network(architecture, interface_of(env.game)).to(device)
    memory = game.make_memory(sim.num_rows, sim.num_agents)
    encoder = network.make_encoder(sim.num_rows, sim.num_agents, memory)
    teacher = None
    if env.supervisor_policy_uri is not None:
        shared = encoder.memory if encoder.uses_map_memory else None
        teacher = (
            game.make_teacher(env.supervisor_policy_uri, sim, memory=shared)
            if parse_uri(env.supervisor_policy_uri).kind == "teacher"
            else load_learned_teacher(
                env.supervisor_policy_uri,
                sim,
                tool.train_dir,
                device.type,
                game.make_team_facts(sim),
            )
        )
    return Parts(
        device=device,
        precision=choose_precision(tool.system.precision, device),
        matmul_precision=choose_matmul_precision(tool.system.matmul_precision, device),
        architecture=architecture,
        reason=reason,
        geometry=geometry,
        pool=pool,
        sim=sim,
        network=network,
        encoder=encoder,
        teacher=teacher,
        team_facts=game.make_team_facts(sim) if network.team_critic is not None else None,
    )

"""What one rank of `test_ranks.py` does: `python -m tests.training.rank_program SCENE FOLDER`.

Kernels run uncompiled and everything is computed in float64, so that equality means equality.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from coglab.config.errors import PeerLostError
from coglab.policies.checkpoints import TrainerState
from coglab.training.config import TrainerConfig
from coglab.training.distributed import join
from coglab.training.teacher_plan import TeacherPlan
from tests.training.fakes import FakeNetwork, make_geometry, make_trainer, without_timing

GAMES = 4
CONFIG = TrainerConfig(
    losses={"sliced_scripted_cloner": {"enabled": True}, "ppo_actor": {"target_kl": 10.0}},
    advantage={"reward_centering": {"enabled": True}},
    update_epochs=2,
)


class DoubleNetwork(FakeNetwork):
    """The fake network in float64, whatever it is given."""

    def __init__(self):
        super().__init__()
        self.double()

    def forward(self, inputs, state, resets):
        wide = {name: tensor.double() for name, tensor in inputs.items()}
        return super().forward(wide, state.double(), resets)


def make(ranks, **changes):
    """A trainer of this rank's part of four games, one minibatch per pass."""
    geometry = make_geometry(
        num_envs=GAMES // ranks.count,
        num_minibatches=1,
        update_epochs=2,
        num_ranks=ranks.count,
        rank=ranks.rank,
    )
    return make_trainer(
        geometry,
        CONFIG,
        TeacherPlan(0.3, 0.3, 0, 1000),
        ranks=ranks,
        network=DoubleNetwork(),
        **changes,
    )


def train(ranks, folder):
    """Three iterations; what they show, the first gradient, the weights, and the state after two."""
    trainer = make(ranks)
    gradients, plain = [], trainer.learner.optimizer.step

    def step(*arguments):
        add_up = arguments[2]
        if add_up is None:
            gradients.append(trainer.learner.parameters.gradients[0].clone())
            return plain(*arguments)

        def exchange(tensor):
            add_up(tensor)
            gradients.append(tensor.clone())

        return plain(*arguments[:2], exchange)

    trainer.learner.optimizer.step = step
    shown = [without_timing(trainer.iterate()) for _ in range(2)]
    state = trainer.state()
    weights = {name: p.detach().clone() for name, p in trainer.network.named_parameters()}
    shown.append(without_timing(trainer.iterate()))
    result = {f"w.{name}": p.detach().numpy() for name, p in trainer.network.named_parameters()}
    result["gradient"] = gradients[0].numpy()
    if ranks.count > 1:
        again = make(
            ranks,
            weights=weights if ranks.is_first else None,
            state=state if ranks.is_first else TrainerState({}, {}),
        )
        result["resumed_as_shown"] = np.array(without_timing(again.iterate()) == shown[2])
        result["resumed_weights"] = np.array(
            all(
                torch.equal(a, b)
                for a, b in zip(
                    again.network.parameters(), trainer.network.parameters(), strict=True
                )
            )
        )
    save_file(result, folder / f"{ranks.count}.{ranks.rank}.safetensors")
    (folder / f"{ranks.count}.{ranks.rank}.json").write_text(json.dumps(shown))
    if ranks.count > 1 and ranks.is_first:
        save_file(
            {n: np.asarray(t) for n, t in state.tensors.items()}, folder / "state.safetensors"
        )
        (folder / "state.json").write_text(json.dumps(state.meta))


def stop(ranks, folder):
    """Rank 1 alone is asked to stop, after two iterations."""
    trainer = make(ranks)
    trainer.should_stop = lambda: ranks.rank == 1 and trainer.counters.iteration == 2
    ended = trainer.run()
    told = {
        "ended": ended,
        "iteration": trainer.counters.iteration,
        "saved": len(trainer.save.saved),
    }
    (folder / f"stop.{ranks.rank}.json").write_text(json.dumps(told))


def drift(ranks, folder):
    """One rank's loss is not finite; every rank must say so."""
    trainer = make(ranks)
    if ranks.rank == 1:
        trainer.sim.rewards[:] = np.nan
        trainer.sim.step = lambda first_env, last_env: None
    try:
        trainer.iterate()
    except Exception as error:
        (folder / f"drift.{ranks.rank}.txt").write_text(type(error).__name__)


def fail(ranks, folder):
    """Rank 1 fails; rank 0 must end, and know why."""
    trainer = make(ranks)
    if ranks.rank == 1:
        raise ValueError("broken on purpose")
    try:
        trainer.iterate()
    except PeerLostError as error:
        (folder / "fail.0.txt").write_text(str(error))


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    scenes = {"train": train, "stop": stop, "drift": drift, "fail": fail}
    with join(uses_gpu=False) as joined:
        for name in sys.argv[1].split(","):
            scenes[name](joined, Path(sys.argv[2]))

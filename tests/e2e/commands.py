"""Typing commands: the launcher with the interpreter that runs the tests, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TRAIN = "recipes.experiment.cogsguard.train"

TEACHER = (
    'teacher={mode: sliced_cloner, policy_uri: "metta://policy/cogsguard?gear=10", '
    "teacher_led_proportion: 0.5, student_led_proportion: 0.5}"
)

SMALL = (
    "max_steps=64",
    "num_agents=4",
    "training_env.num_envs=4",
    "training_env.num_workers=2",
    "training_env.map_pool.size=4",
    "trainer.bptt_horizon=16",
    "trainer.batch_size=256",
    "trainer.minibatch_size=128",
    "policy_architecture={kind: fast, table_width: 32, cortex: {width: 32}}",
    "evaluator.maps=2",
    "wandb.mode=disabled",
)
"""A training run of a second: 256 agent steps per iteration."""


def environment() -> dict[str, str]:
    """Variables under which the launcher uses this interpreter, and unknown metrics are errors."""
    return {
        **os.environ,
        "BOOTSTRAP": "off",
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "COGLAB_STRICT_METRICS": "1",
        "COLUMNS": "120",
    }


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a command in `folder` without waiting for it."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tools" / "run.py"), *words],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def type_command(folder: Path, *words: str) -> tuple[int, str]:
    """Run a command in `folder`; returns its exit code and everything it printed."""
    process = start(folder, *words)
    output, _ = process.communicate(timeout=600)
    return process.returncode, output

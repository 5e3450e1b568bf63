"""Runs with a known truth, written as ledgers and as W&B logs; the protobuf runtime is the judge of the latter."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

NOW = 1_790_000_000.0
METRIC = "env_agent/heart.gained"
DAY = 86_400.0


def utc(seconds: float) -> str:
    from coglab.tracking.ledger_format import utc_text

    return utc_text(seconds)


def config_of(**changes: Any) -> dict[str, Any]:
    """A configuration as the trainer saves it, in short; dotted keys change it."""
    config: dict[str, Any] = {
        "run": "x",
        "train_dir": "./train_dir",
        "trainer": {
            "total_timesteps": 1_000_000,
            "batch_size": 4096,
            "optimizer": {"learning_rate": 0.001},
            "losses": {
                "ppo_actor": {"enabled": True, "clip_coef": 0.22},
                "sliced_scripted_cloner": {"enabled": False},
            },
        },
        "training_env": {
            "game": {"kind": "cogsguard", "mission": "arena", "num_agents": 10, "max_steps": None, "rules": "2026-02-01"},
            "supervisor_policy_uri": None,
        },
        "policy_architecture": {"kind": "fast"},
        "system": {"seed": 1, "device": "cpu"},
    }  # fmt: skip
    for path, value in changes.items():
        place = config
        *parents, last = path.split(".")
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = value
    return config


def write_run(
    folder: Path,
    name: str,
    level: float = 1.0,
    *,
    steps: int = 1_000_000,
    rows: int = 50,
    noise: float = 0.05,
    seed: int = 1,
    state: str = "finished",
    created: float = NOW - 2 * DAY,
    config: dict[str, Any] | None = None,
    curve: Callable[[np.ndarray], np.ndarray] | None = None,
    extra: dict[str, Callable[[np.ndarray], np.ndarray]] | None = None,
    metric: str = METRIC,
    **facts: Any,
) -> Path:
    """Write a run that rises to `level` within the first half of its steps and stays there, with noise."""
    place = folder / name
    place.mkdir(parents=True)
    rng = np.random.default_rng(abs(hash_of(name)) % 2**32)
    at = np.linspace(steps / rows, steps, rows).round()
    shape = curve(at) if curve is not None else level * np.minimum(1.0, at / (0.5 * steps))
    values = shape + noise * rng.standard_normal(rows)
    config = config_of() if config is None else config
    config = {**config, "run": name, "system": {**config.get("system", {}), "seed": seed}}
    info = {
        "schema_version": 1, "run_id": name, "name": name, "project": "coglab", "state": state, "created": utc(created),
        "heartbeat": utc(created + 1000), "progress": utc(created + 1000),
        "ended": utc(created + 1000), "exit_code": 0 if state == "finished" else 1, "last_step": int(steps),
        "target_steps": 1_000_000, "recipe": "recipes.experiment.cogsguard.train", "seed": seed, "tags": [],
        "step_metric": "metric/agent_step", "code": {"version": "0.1.0", "commit": "a" * 40, "dirty": False},
        "segments": [{"segment": 0, "first_step": 0}], "host": "elsewhere", "pid": 1, **facts,
    }  # fmt: skip
    (place / "run.json").write_text(json.dumps(info))
    (place / "config.json").write_text(json.dumps(config))
    lines = [json.dumps({"segment": 0, "first_step": 0})]
    for index, step in enumerate(at):
        metrics = {
            "metric/agent_step": float(step),
            metric: encode(values[index]),
            "overview/sps": 1000.0,
        }
        for key, function in (extra or {}).items():
            metrics[key] = encode(float(function(at)[index]))
        lines.append(json.dumps({"step": int(step), "time": created + index, "metrics": metrics}))
    (place / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return place


def led(teacher: float, student: float = 0.0) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Metrics of a run in which a teacher led these shares of the rows throughout; an argument for `write_run`."""
    return {
        "teacher/teacher_led_share": lambda at: 0 * at + teacher,
        "teacher/student_led_share": lambda at: 0 * at + student,
    }


def names(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Names of rows of a document."""
    return [row["name"] for row in rows]


def encode(value: float) -> Any:
    return float(value) if np.isfinite(value) else "NaN" if np.isnan(value) else "Infinity"


def hash_of(text: str) -> int:
    return zlib.crc32(text.encode())


# --- W&B logs -------------------------------------------------------------------------------------------------------


def _schema() -> dict[str, Any]:
    """The messages that are needed, declared for the protobuf runtime."""
    file = descriptor_pb2.FileDescriptorProto(name="log.proto", package="log", syntax="proto3")
    types = {"i": 3, "s": 9, "m": 11, "b": 8, "d": 1}

    def message(name: str, /, **declared: tuple[int, str]) -> None:
        made = file.message_type.add(name=name)
        for field, (number, kind) in declared.items():
            repeated = kind.startswith("*")
            kind = kind.lstrip("*")
            entry = made.field.add(
                name=field, number=number, label=3 if repeated else 1, type=types.get(kind, 11)
            )
            if kind not in types:
                entry.type_name = f".log.{kind}"

    message(
        "Item",
        key=(1, "s"),
        nested_key=(2, "*s"),
        flag=(4, "b"),
        integer=(5, "i"),
        number=(6, "d"),
        value_json=(16, "s"),
    )
    message("Step", num=(1, "i"))
    message("History", item=(1, "*Item"), step=(2, "Step"))
    message("Update", update=(1, "*Item"), remove=(2, "*Item"))
    message("Stamp", seconds=(1, "i"), nanos=(2, "i"))
    message("Run", run_id=(1, "s"), entity=(2, "s"), project=(3, "s"), config=(4, "Update"), group=(6, "s"),
            display_name=(8, "s"), notes=(9, "s"), tags=(10, "*s"), start_time=(17, "Stamp"))  # fmt: skip
    message("Exit", exit_code=(1, "i"))
    message("Metric", name=(1, "s"), glob_name=(2, "s"), step_metric=(4, "s"))
    message("Empty")
    message("Record", num=(1, "i"), history=(2, "History"), summary=(3, "Update"), config=(5, "Update"),
            metric=(12, "Metric"), run=(17, "Run"), exit=(18, "Exit"), preempting=(23, "Empty"))  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    names = [m.name for m in file.message_type]
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"log.{name}"))
        for name in names
    }


MESSAGES = _schema()


def record(**content: Any) -> bytes:
    """One serialised record."""
    return MESSAGES["Record"](num=7, **content).SerializeToString()


def item(name: str, value: Any, *, old: bool = False) -> Any:
    text = value if isinstance(value, str) and value in ("NaN", "Infinity") else json.dumps(value)
    path = name if isinstance(name, list) else [name]
    if old:
        return MESSAGES["Item"](key=".".join(path), value_json=text)
    return MESSAGES["Item"](nested_key=path, value_json=text)


def history(values: dict[str, Any], *, old: bool = False) -> bytes:
    return record(
        history=MESSAGES["History"](item=[item(k, v, old=old) for k, v in values.items()])
    )


def run_record(
    run_id: str = "r1", start: float = NOW - DAY, config: dict[str, Any] | None = None, **facts: Any
) -> bytes:
    update = MESSAGES["Update"](update=[item(k, v) for k, v in (config or {}).items()])
    stamp = MESSAGES["Stamp"](seconds=int(start))
    return record(
        run=MESSAGES["Run"](
            run_id=run_id,
            display_name=run_id,
            project="p",
            config=update,
            start_time=stamp,
            **facts,
        )
    )


def exit_record(code: int) -> bytes:
    return record(exit=MESSAGES["Exit"](exit_code=code))


def numbered(records: Iterable[bytes]) -> list[bytes]:
    """Records with numbers that rise by one, as the client gives them."""
    made = []
    for number, data in enumerate(records, start=1):
        whole = MESSAGES["Record"].FromString(data)
        whole.num = number
        made.append(whole.SerializeToString())
    return made


def frame(records: Iterable[bytes]) -> bytes:
    """Put records into the log format, written independently of the reader."""
    out = bytearray(b":W&B" + struct.pack("<HB", 0xBEE1, 0))
    for data in records:
        first = True
        while True:
            left = 32_768 - len(out) % 32_768
            if left < 7:
                out += b"\0" * left
                continue
            piece, data = data[: left - 7], data[left - 7 :]
            kind = (1 if not data else 2) if first else (4 if not data else 3)
            out += struct.pack("<IHB", zlib.crc32(bytes([kind]) + piece), len(piece), kind) + piece
            first = False
            if not data:
                break
    return bytes(out)


def write_log(folder: Path, name: str, records: Sequence[bytes]) -> Path:
    place = folder / f"offline-run-20260101_000000-{name}"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"run-{name}.wandb"
    path.write_bytes(frame(records))
    return path

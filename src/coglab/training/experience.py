"""The buffer that one rollout fills: everything that learning reads, one entry per agent step.

Letters: S segments, T ticks, N rows, R rounds. Segment s = round*N + row holds T consecutive ticks of one row; rounds
of a row continue each other. Entry (s, t) holds observation t, the action taken on it and what that action brought:
reward and end of episode. `reset[s, t]` says that observation t is the first of an episode; `start_state[s]` is the
recurrent state before observation 0, to which a reset applies afterwards.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from coglab.training.geometry import Geometry

InputSpec = dict[str, tuple[tuple[int, ...], Any]]


class Steps(NamedTuple):
    """Columns that are written at every tick, all `[S, T]`. A NamedTuple so that kernels can take it as one argument.

    Attributes:
        reset: bool, observation t is the first of its episode.
        action: i32 executed action.
        leader: u8, STUDENT or TEACHER: who chose it.
        behaviour_log_prob: f32 log-probability of the action under whoever chose it; 0 for the teacher.
        student_log_prob: f32 log-probability of the action under the student.
        value: f32 the critic's estimate.
        label_mask: u32, bit u set if the teacher finds action u right; 0 where it abstains or was not asked.
        label_weight: f32 weight of the label.
        reward: f32 as the game gave it.
        terminated: bool, the rules ended the episode with this action.
        truncated: bool, the trainer cut the episode after this action.
        final_value: f32 value of the last observation of a cut episode; 0 elsewhere.
    """

    reset: np.ndarray
    action: np.ndarray
    leader: np.ndarray
    behaviour_log_prob: np.ndarray
    student_log_prob: np.ndarray
    value: np.ndarray
    label_mask: np.ndarray
    label_weight: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_value: np.ndarray


_STEP_DTYPES = {
    "reset": np.bool_,
    "action": np.int32,
    "leader": np.uint8,
    "label_mask": np.uint32,
    "terminated": np.bool_,
    "truncated": np.bool_,
}


class Experience:
    """One batch.

    Args:
        geometry: sizes.
        spec: name -> (shape, dtype) of one row of network input, the team's facts included.
        state_size: numbers in a row's recurrent state.
        teacher_actions: U if the teacher is a network whose outputs are kept, else 0.

    Attributes:
        inputs: name -> `[S, T, ...]` network inputs.
        steps: the columns of `Steps`.
        slices: u8 `[S]`, see `teacher_plan`.
        start_state: f32 `[S, state_size]`.
        bootstrap: f32 `[S]` value of the observation after the last entry.
        learning_reward: f32 `[S, T]`, written by `advantages.learning_rewards`.
        advantage: f32 `[S, T]`, written by `Learner.compute_advantages`.
        returns: f32 `[S, T]`, advantage plus the values that it was computed from.
        done: bool `[S, T]`, terminated or truncated.
        teacher_log_probs: f32 `[S, T, U]` log-probabilities of a learned teacher, or None.
        teacher_value: f32 `[S, T]` its values, or None.
    """

    def __init__(
        self, geometry: Geometry, spec: InputSpec, state_size: int, teacher_actions: int = 0
    ) -> None:
        shape = (geometry.num_segments, geometry.horizon)
        self.num_rows = geometry.num_rows
        self.num_segments, self.horizon = shape
        self.inputs = {
            name: np.zeros(shape + tuple(item), dtype) for name, (item, dtype) in spec.items()
        }
        self.steps = Steps(
            *(np.zeros(shape, _STEP_DTYPES.get(name, np.float32)) for name in Steps._fields)
        )
        self.slices = np.zeros(shape[0], np.uint8)
        self.start_state = np.zeros((shape[0], state_size), np.float32)
        self.bootstrap = np.zeros(shape[0], np.float32)
        self.learning_reward = np.zeros(shape, np.float32)
        self.advantage = np.zeros(shape, np.float32)
        self.returns = np.zeros(shape, np.float32)
        self.done = np.zeros(shape, np.bool_)
        is_distilled = teacher_actions > 0
        self.teacher_log_probs = (
            np.zeros((*shape, teacher_actions), np.float32) if is_distilled else None
        )
        self.teacher_value = np.zeros(shape, np.float32) if is_distilled else None

    def store_teacher(self, teacher: Any, segments: slice, tick: int, rows: slice) -> None:
        """Keep a learned teacher's probabilities and values of one tick; nothing to keep of a script.

        Args:
            teacher: has `log_probs` and `values` if this batch keeps them.
            segments: where they go.
            tick: index t inside the segments.
            rows: which rows they are.
        """
        if self.teacher_log_probs is not None and self.teacher_value is not None:
            self.teacher_log_probs[segments, tick] = teacher.log_probs[rows]
            self.teacher_value[segments, tick] = teacher.values[rows]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What a rollout has written, by name, for a checkpoint; what learning derives from it is left out."""
        arrays: dict[str, np.ndarray] = {
            f"inputs.{name}": array for name, array in self.inputs.items()
        }
        arrays |= {f"steps.{name}": array for name, array in self.steps._asdict().items()}
        arrays["slices"], arrays["start_state"] = self.slices, self.start_state
        arrays["bootstrap"] = self.bootstrap
        if self.teacher_log_probs is not None and self.teacher_value is not None:
            arrays["teacher_log_probs"] = self.teacher_log_probs
            arrays["teacher_value"] = self.teacher_value
        return arrays

    def load_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Copy arrays written by `to_arrays` into place."""
        for name, array in self.to_arrays().items():
            array[...] = arrays[name]

    @staticmethod
    def bytes_per_step(spec: InputSpec) -> int:
        """Memory that one agent step takes, without the recurrent state at segment starts.

        Args:
            spec: as for the constructor.

        Returns:
            Bytes.
        """
        inputs = sum(
            int(np.prod(item, dtype=np.int64)) * np.dtype(dtype).itemsize
            for item, dtype in spec.values()
        )
        columns = sum(
            np.dtype(_STEP_DTYPES.get(name, np.float32)).itemsize for name in Steps._fields
        )
        return inputs + columns + 13  # learning_reward, advantage, returns, done

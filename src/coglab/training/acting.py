"""One tick of every row: who leads, which action, and what of it is stored."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from coglab.engine.jit import kernel
from coglab.training.randomness import unit
from coglab.training.teacher_plan import PPO, STUDENT, TEACHER, TEACHER_LED

_PPO, _STUDENT, _TEACHER, _TEACHER_LED = PPO, STUDENT, TEACHER, TEACHER_LED


class Labels(NamedTuple):
    """The teacher's view of the current tick, all `[N]`.

    Attributes:
        label: i16 the action it takes, -1 if it abstains.
        mask: u16 the actions it finds equally right, one bit each; 0 if it abstains.
        weight: f32.
    """

    label: np.ndarray
    mask: np.ndarray
    weight: np.ndarray

    @classmethod
    def none(cls, num_rows: int) -> Labels:
        """Labels of a teacher that always abstains."""
        return cls(
            np.full(num_rows, -1, np.int16),
            np.zeros(num_rows, np.uint32),
            np.zeros(num_rows, np.float32),
        )


@kernel
def act(
    logits,
    values,
    reset,
    slices,
    labels,
    key,
    first_stream,
    first_row,
    first_segment,
    tick,
    steps,
    actions,
):
    """Choose and store the actions of one tick for a range of rows.

    The student's action is drawn by inverting the cumulative distribution at a random number that belongs to (key,
    global row). The teacher's label is executed on teacher-led segments, unless it abstains; then the student acts.

    Args:
        logits: f32[n,U] of rows `first_row .. first_row + n - 1`.
        values: f32[n].
        reset: bool[N], this tick's observation is the first of an episode.
        slices: u8[S].
        labels: `Labels`, [N].
        key: random stream of this tick.
        first_stream: global number of the row that is row 0 here.
        first_row: first row of the range.
        first_segment: segment of the first row in this round.
        tick: index t inside the segments.
        steps: `Steps`, [S,T], written at `[first_segment + i, tick]`, all but what the action brings.
        actions: i32[N], written: what the simulator executes.
    """
    num_rows, num_actions = logits.shape
    for i in range(num_rows):
        row = first_row + i
        s = first_segment + i
        largest = logits[i, 0]
        for u in range(1, num_actions):
            largest = max(largest, logits[i, u])
        total = 0.0
        for u in range(num_actions):
            total += math.exp(np.float64(logits[i, u] - largest))
        threshold = unit(key, first_stream + row) * total
        chosen = num_actions - 1
        cumulated = 0.0
        for u in range(num_actions):
            cumulated += math.exp(np.float64(logits[i, u] - largest))
            if threshold < cumulated:
                chosen = u
                break
        leader = _STUDENT
        label = labels.label[row]
        if slices[s] == _TEACHER_LED and label >= 0:
            leader = _TEACHER
            chosen = label
        log_prob = np.float32(np.float64(logits[i, chosen] - largest) - math.log(total))
        steps.reset[s, tick] = reset[row]
        steps.action[s, tick] = chosen
        steps.leader[s, tick] = leader
        steps.student_log_prob[s, tick] = log_prob
        steps.behaviour_log_prob[s, tick] = 0.0 if leader == _TEACHER else log_prob
        steps.value[s, tick] = values[i]
        is_labelled = slices[s] != _PPO
        steps.label_mask[s, tick] = labels.mask[row] if is_labelled else 0
        steps.label_weight[s, tick] = labels.weight[row] if is_labelled else 0.0
        actions[row] = chosen


@kernel
def store_outcome(
    rewards, terminated, truncated, first_row, num_rows, first_segment, tick, steps, reset
):
    """Store what the actions of one tick brought, and note which rows begin a new episode.

    Args:
        rewards: f32[N] of the tick just simulated.
        terminated: bool[N].
        truncated: bool[N].
        first_row: first row of the range.
        num_rows: rows in the range.
        first_segment: segment of the first row in this round.
        tick: index t inside the segments.
        steps: `Steps`, [S,T], written at `[first_segment + i, tick]`.
        reset: bool[N], written: the next observation is the first of an episode.

    Returns:
        2 if a row was truncated, else 1 if one was terminated, else 0.
    """
    found = 0
    for i in range(num_rows):
        row = first_row + i
        s = first_segment + i
        steps.reward[s, tick] = rewards[row]
        steps.terminated[s, tick] = terminated[row]
        steps.truncated[s, tick] = truncated[row]
        steps.final_value[s, tick] = 0.0
        reset[row] = terminated[row] or truncated[row]
        if truncated[row]:
            found = 2
        elif terminated[row] and found == 0:
            found = 1
    return found

"""Scans over time: learning rewards, V-trace advantages, and the two traces of gradient temporal differences.

All arrays are `[S, T]`, C-contiguous, float32 (bool for `done`), and every kernel works on segments `[first, last)`, so
that threads can share the work. Entry t of a segment holds observation t, the action taken on it, and **the reward and
the end-of-episode flag that this action brought**. `bootstrap[s]` is the value of the observation after the last entry.

An episode that ends needs no case of its own in the scans: a terminal step has value 0 beyond it, and the one
truncated step of a game (the cut that desynchronises first episodes) gets the value of its last observation added to
its reward by `learning_rewards`. So `done` means both, and cuts every scan.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import kernel


@kernel
def learning_rewards(
    reward,
    truncated,
    final_value,
    scale,
    gamma,
    center,
    beta,
    mean,
    num_rows,
    first_row,
    last_row,
    out,
):
    """Scale rewards, subtract each row's running mean if asked to, and add what lies beyond a truncation.

    The running mean is used before it is updated with the reward itself, and the mean beyond a truncation is not
    needed because values then estimate centred returns.

    Args:
        reward: f32[S,T] as the game gave it.
        truncated: bool[S,T].
        final_value: f32[S,T] value of the observation before the reset; read only where `truncated`.
        scale: factor on rewards.
        gamma: discount.
        center: whether to subtract the running mean.
        beta: step of the running mean.
        mean: f32[N] running means of the unscaled reward, updated in place if `center`.
        num_rows: N; segment round*N + row continues row's stream.
        first_row: first row to do.
        last_row: end of the rows to do.
        out: f32[S,T], written for all rounds of these rows.

    Source: reward centring: Naik, Wan, Tomar, Sutton 2024.
    """
    num_segments, horizon = reward.shape
    rounds = num_segments // num_rows
    for r in range(rounds):
        for row in range(first_row, last_row):
            s = r * num_rows + row
            for t in range(horizon):
                value = reward[s, t]
                if center:
                    centered = value - mean[row]
                    mean[row] += np.float32(beta) * centered
                    value = centered
                value *= np.float32(scale)
                if truncated[s, t]:
                    value += np.float32(gamma) * final_value[s, t]
                out[s, t] = value


@kernel
def vtrace(reward, done, value, bootstrap, ratio, rho_clip, c_clip, gamma, lam, first, last, out):
    """V-trace corrections with the trace decay folded in; with ratio 1 this is generalised advantage estimation.

    `delta_t = rho_t (r_t + gamma m_t v_{t+1} - v_t)`, `A_t = delta_t + gamma lam c_t m_t A_{t+1}` with
    `rho = min(rho_clip, ratio)`, `c = min(c_clip, ratio)`, `m = 1 - done`, `A_T = 0`. The return is `v + A`.

    Args:
        reward: f32[S,T] learning rewards.
        done: bool[S,T].
        value: f32[S,T].
        bootstrap: f32[S].
        ratio: f32[S,T] probability of the action under the student over that under whoever chose it.
        rho_clip: upper bound of rho.
        c_clip: upper bound of c.
        gamma: discount.
        lam: trace decay.
        first: first segment.
        last: end of the segments.
        out: f32[S,T], written.

    Sources: Schulman et al. 2016 (GAE); Espeholt et al. 2018 (V-trace), remark 2 for lam < 1.
    """
    horizon = reward.shape[1]
    for s in range(first, last):
        next_value = np.float64(bootstrap[s])
        advantage = 0.0
        for i in range(horizon):
            t = horizon - 1 - i
            alive = 0.0 if done[s, t] else 1.0
            w = np.float64(ratio[s, t])
            delta = min(rho_clip, w) * (reward[s, t] + gamma * alive * next_value - value[s, t])
            advantage = delta + gamma * lam * min(c_clip, w) * alive * advantage
            next_value = np.float64(value[s, t])
            out[s, t] = advantage


@kernel
def gtd_traces(reward, done, value, bootstrap, h, rho, gamma, lam, delta_lambda, z):
    """The two scans of TDRC(lambda) that take the place of differentiating through time.

    Backward: `delta_lambda_t = rho_t (delta_t + gamma lam m_t delta_lambda_{t+1})`, the lambda-error.
    Forward: `z_t = rho_t (h_t + gamma lam m_{t-1} z_{t-1})`, for which
    `sum_t h_t delta_lambda_t = sum_t z_t delta_t` with the one-step errors delta (h and rho being constants).

    Args:
        reward: f[S,T] learning rewards.
        done: bool[S,T].
        value: f[S,T] current values.
        bootstrap: f[S].
        h: f[S,T] output of the auxiliary head.
        rho: f[S,T] clipped importance weights.
        gamma: discount.
        lam: trace decay.
        delta_lambda: f[S,T], written.
        z: f[S,T], written.

    Source: Elelimy et al. 2025, arXiv 2507.09087. The identity is a change of the order of summation.
    """
    num_segments, horizon = reward.shape
    for s in range(num_segments):
        next_value = np.float64(bootstrap[s])
        carried = 0.0
        for i in range(horizon):
            t = horizon - 1 - i
            alive = 0.0 if done[s, t] else 1.0
            delta = reward[s, t] + gamma * alive * next_value - value[s, t]
            carried = rho[s, t] * (delta + gamma * lam * alive * carried)
            delta_lambda[s, t] = carried
            next_value = np.float64(value[s, t])
        trace = 0.0
        alive = 0.0
        for t in range(horizon):
            trace = rho[s, t] * (h[s, t] + gamma * lam * alive * trace)
            z[s, t] = trace
            alive = 0.0 if done[s, t] else 1.0

"""Metrics of the losses, the optimiser and the teacher."""

from __future__ import annotations

from coglab.tracking.metric import SHARE, Metric

_PPO_ROWS = "the rows on which the student acted"

_LOSSES: dict[str, Metric] = {
    "losses/total_loss": Metric(
        "1", "gradient steps", "none", "Sum of all losses, each with its weight."
    ),
    "losses/first_minibatch_log_prob_error": Metric(
        "nat",
        "iteration",
        "lower",
        "Largest difference between the log-probability of a student's action in the rollout and its recomputation in "
        "the first minibatch, before the weights have moved. Above 1e-3 in float32, rollout and learning disagree. Not "
        "logged with `trainer.collect_ahead`, where older weights played.",
        below=1e-3,
    ),
    "losses/policy_loss": Metric(
        "1",
        "gradient steps",
        "none",
        f"ppo_actor: the clipped policy-gradient loss, on {_PPO_ROWS}.",
    ),
    "losses/entropy": Metric(
        "nat",
        "gradient steps",
        "none",
        f"Entropy of the student's action probabilities, on {_PPO_ROWS}. ln 12 = 2.48 is random play.",
    ),
    "losses/approx_kl": Metric(
        "nat",
        "gradient steps",
        "lower",
        "How far the update has moved the policy: mean of w - 1 - ln w, where w is new over old "
        f"probability of the action, on {_PPO_ROWS}. Teacher-led rows are left out: the teacher's "
        "actions were not drawn from the old policy. "
        "Source: Schulman, Approximating KL Divergence (2020), estimator k3.",
        below=0.03,
    ),
    "losses/clipfrac": Metric(
        SHARE,
        "gradient steps",
        "lower",
        f"ppo_actor: share of {_PPO_ROWS} whose ratio w is further than clip_coef from 1.",
        below=0.3,
    ),
    "losses/importance": Metric(
        "1",
        "gradient steps",
        "none",
        f"Mean of w on {_PPO_ROWS}; 1 before the first gradient step.",
    ),
    "losses/current_logprobs": Metric(
        "nat",
        "gradient steps",
        "none",
        "Log probability of the carried-out actions under the new policy.",
    ),
    "losses/ppo_actor_rows": Metric(
        SHARE, "gradient steps", "none", "Share of rows that ppo_actor used."
    ),
    "losses/value_loss": Metric(
        "1", "gradient steps", "none", "ppo_critic: the critic's loss with its weight vf_coef."
    ),
    "losses/explained_variance": Metric(
        "1",
        "gradient steps",
        "higher",
        "1 - Var(return - value) / Var(return): 1 is a perfect critic, 0 one that knows only the mean.",
    ),
    "losses/gtd_critic_loss": Metric(
        "1",
        "gradient steps",
        "none",
        "gtd_lambda: the critic's saddle-point loss L_c; its value is not an error.",
    ),
    "losses/gtd_aux_loss": Metric(
        "1",
        "gradient steps",
        "lower",
        "gtd_lambda: loss of the extra head `gtd_aux`, regulariser included.",
    ),
    "losses/gtd_h_mse": Metric(
        "1",
        "gradient steps",
        "lower",
        "gtd_lambda: squared difference of the extra head from the lambda error that it predicts.",
    ),
    "losses/gtd_delta_lambda_abs": Metric(
        "scaled return", "gradient steps", "lower", "gtd_lambda: mean size of the lambda error."
    ),
    "losses/teacher_td_lambda_rho_clipfrac": Metric(
        SHARE,
        "gradient steps",
        "none",
        "gtd_lambda: share of teacher-led steps whose importance weight was clipped.",
    ),
    "losses/supervised_action_loss": Metric(
        "nat",
        "gradient steps",
        "lower",
        "Cloning: cross-entropy on the teacher's label, times the label's weight, over all rows: falls "
        "with the slices' share.",
    ),
    "losses/supervised_action_loss_teacher_led": Metric(
        "nat",
        "gradient steps",
        "lower",
        "Cross-entropy on the teacher's label, mean over labelled teacher-led rows.",
    ),
    "losses/supervised_action_loss_student_led": Metric(
        "nat",
        "gradient steps",
        "lower",
        "The same over labelled student-led rows: states that the student brought about itself.",
    ),
    "losses/supervised_accuracy_teacher_led": Metric(
        SHARE,
        "gradient steps",
        "higher",
        "Share of labelled teacher-led rows on which the student's likeliest action is one the teacher calls right.",
    ),
    "losses/supervised_accuracy_student_led": Metric(
        SHARE,
        "gradient steps",
        "higher",
        "The same over labelled student-led rows: the number to watch while cloning.",
    ),
    "losses/supervised_action_loss_coef": Metric(
        "1", "moment", "none", "Weight of the cross-entropy."
    ),
    "losses/kickstarter_kl": Metric(
        "nat",
        "gradient steps",
        "lower",
        "kickstarter: divergence of the student from the teacher, times the temperature's square, on taught rows.",
    ),
    "losses/kickstarter_value_loss": Metric(
        "1", "gradient steps", "lower", "kickstarter: squared difference of the two values."
    ),
    "losses/eer_cross_entropy": Metric(
        "nat",
        "gradient steps",
        "lower",
        "eer_kickstarter: cross-entropy between the student's and the teacher's probabilities, on taught rows.",
    ),
    "losses/eer_value_loss": Metric(
        "1", "gradient steps", "lower", "eer_kickstarter: squared difference of the two values."
    ),
    "losses/eer_bonus": Metric(
        "scaled reward",
        "batch",
        "higher",
        "eer_kickstarter, eer_cloner: mean extra reward per agent step for doing what the teacher would; at most 0.",
    ),
    "losses/teacher_led_proportion": Metric(
        SHARE, "moment", "none", "Planned share of teacher-led rows."
    ),
    "losses/student_led_proportion": Metric(
        SHARE, "moment", "none", "Planned share of student-led rows."
    ),
    "grad/norm": Metric(
        "1", "gradient steps", "none", "Global norm of the gradient before it is scaled down."
    ),
    "grad/norm_max": Metric("1", "iteration", "none", "The largest of these norms."),
    "grad/clipped": Metric(
        SHARE,
        "gradient steps",
        "none",
        "Share of gradient steps whose gradient was scaled down to max_grad_norm.",
    ),
    "hyperparameters/learning_rate": Metric("1", "moment", "none", "Step size of the optimiser."),
    "hyperparameters/critic_learning_rate": Metric(
        "1", "moment", "none", "Step size of the layers that serve values alone."
    ),
    "hyperparameters/schedule/<setting>": Metric(
        "as the setting", "moment", "none", "Value of a setting that `trainer.schedules` moves."
    ),
    "hyperparameters/ent_coef": Metric("1", "moment", "none", "Weight of the entropy bonus."),
    "hyperparameters/policy_gradient_coef": Metric(
        "1", "moment", "none", "Weight of the policy gradient: smaller while a teacher labels."
    ),
}

_TEACHER: dict[str, Metric] = {
    "teacher/teacher_led_share": Metric(
        SHARE, "iteration", "none", "Rows on which the teacher acted and its label was scored."
    ),
    "teacher/student_led_share": Metric(
        SHARE,
        "iteration",
        "none",
        "Rows on which the student acted and the teacher's label was scored.",
    ),
    "teacher/ppo_share": Metric(
        SHARE, "iteration", "none", "Rows on which the student acted and no label was scored."
    ),
    "teacher/abstained": Metric(
        SHARE, "batch", "none", "Labelled rows' steps at which the teacher gave no label."
    ),
    "teacher/labels_per_step": Metric(
        "actions",
        "batch",
        "none",
        "Actions that the teacher calls equally right, where it gives a label.",
    ),
    "teacher/agreement": Metric(
        SHARE,
        "batch",
        "higher",
        "Student-led steps at which the student's drawn action was one that the teacher calls right.",
    ),
}


LOSS_METRICS: dict[str, Metric] = {**_LOSSES, **_TEACHER}
"""Name or pattern -> what it is."""

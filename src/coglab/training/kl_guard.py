"""Watches how far updates move the policy, and does what was configured when that is too far for too long."""

from __future__ import annotations

from typing import Any

from coglab.training.config import KlGuardConfig


class PolicyDriftError(RuntimeError):
    """Updates moved the policy too far for too long, and the run was told to stop then; its last checkpoint is kept."""


class KlGuard:
    """Counts iterations whose `losses/approx_kl` is above its target.

    With `action: warn` it speaks once, and again only after the divergence was below its target in between.

    Args:
        config: target, patience and what to do.

    Attributes:
        rate_factor: factor on the policy's step size, 1 until it is lowered.
    """

    def __init__(self, config: KlGuardConfig) -> None:
        self.config = config
        self.rate_factor = 1.0
        self._above = 0
        self._has_warned = False

    def observe(self, approx_kl: float | None, step: int) -> str | None:
        """Take in one iteration.

        Args:
            approx_kl: its `losses/approx_kl`; None if there was none, which counts as calm.
            step: agent steps done.

        Returns:
            A sentence to tell the user when there is something to tell, else None.

        Raises:
            PolicyDriftError: at that moment, if `action` is `stop`.
        """
        config = self.config
        if approx_kl is None or approx_kl <= config.target:
            self._above = 0
            self._has_warned = False
            return None
        self._above += 1
        if self._above < config.patience:
            return None
        self._above = 0
        found = (
            f"agent step {step:,}: losses/approx_kl is {approx_kl:.3g}, above {config.target:g} for {config.patience} "
            "iterations: updates move the policy further than PPO's clipping assumes"
        )
        if config.action == "stop":
            raise PolicyDriftError(
                f"{found}. Training stops (trainer.kl_guard.action=stop); the last checkpoint is kept. A smaller "
                "trainer.optimizer.learning_rate usually helps."
            )
        if config.action == "warn":
            if self._has_warned:
                return None
            self._has_warned = True
            return f"{found}. A smaller trainer.optimizer.learning_rate usually helps; trainer.kl_guard.action acts on it"
        self.rate_factor *= config.factor
        return f"{found}; the policy's learning rate is now {self.rate_factor:.3g} of its schedule"

    def to_meta(self) -> dict[str, Any]:
        """What a resumed run needs, as JSON-able values."""
        return {
            "rate_factor": self.rate_factor,
            "above": self._above,
            "has_warned": self._has_warned,
        }

    def load_meta(self, meta: dict[str, Any]) -> None:
        """Restore what `to_meta` returned; an older checkpoint has nothing."""
        self.rate_factor = float(meta.get("rate_factor", 1.0))
        self._above = int(meta.get("above", 0))
        self._has_warned = bool(meta.get("has_warned", False))

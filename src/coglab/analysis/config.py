"""What can be asked of an analysis. Imports neither torch, numba nor matplotlib."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from coglab.config import Config, Count, Number, UserError


def _one_is_a_list(value: Any) -> Any:
    """Let `md` stand for `[md]`, and `md,json` for a list of two."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _text_is_a_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_one_is_a_list)]
"""Several words: `[a, b]` or `a,b`."""

Texts = Annotated[tuple[str, ...], BeforeValidator(_text_is_a_list)]
"""Several texts: `[a, b]`, or one."""


class FilterConfig(Config):
    """Which runs."""

    prefix: str | None = None
    """Names that begin with this."""

    name: str | None = None
    """Names in which this regular expression is found."""

    since: str | None = None
    """Created at or after: `14d`, `36h` before now, or a UTC date such as `2026-01-10`."""

    until: str | None = None
    """Created before: spelt like `since`."""

    state: Words = ()
    """States: `finished`, `running,crashed`."""

    tag: Words = ()
    """Runs that have all of these tags."""

    group: str | None = None
    """W&B group."""

    recipe: str | None = None
    """Recipe, or the last words of it: `cogsguard.train`, `machina1_cloner`."""

    user: str | None = None
    """Who started it, where the store knows."""

    where: Words = ()
    """Settings: `trainer.batch_size=4096`, or with `!=`, `<`, `<=`, `>`, `>=`; several must all hold."""

    min_steps: Count = 0
    """At least this many agent steps."""

    ids: Texts = ()
    """Only runs of these names or ids."""

    exclude: Texts = ()
    """All but these names or ids."""


class RankConfig(Config):
    """How runs are scored."""

    metric: str = "heart.gained"
    """The metric: its full name, or what follows the last `/`."""

    rank: str = "tail:20"
    """`tail:P` (mean over the last P % of steps up to the budget), `at:STEP`, `last`, `best` (optimistic), `auc`,
    `per-hour`."""

    budget: Count | None = Field(None, ge=1)
    """Agent steps at which runs are compared. Left out: the largest step that 80 % of the longer runs reached."""

    direction: Literal["auto", "higher", "lower"] = "auto"
    """Which direction is better. `auto`: higher, except for losses, errors, times and what the table of metrics says."""

    top: int = Field(0, ge=0)
    """Size of the top group. 0: the upper third of the ranked runs, at least two."""

    test: str | None = None
    """One setting named in advance: it is tested without the correction for many tests."""


class HealthConfig(Config):
    """Thresholds of the health checks. Every one is printed in the report with its rule."""

    kl: Number = 0.03
    """`losses/approx_kl`: bad if the median is above; warn if more than `kl_share` of the updates are."""

    kl_share: Number = 0.05
    """Share of updates above `kl` that is still well."""

    clip_warn: Number = 0.3
    """`losses/clipfrac`, median."""

    clip_bad: Number = 0.5
    """`losses/clipfrac`, median."""

    entropy_floor: Number = 0.1
    """Share of the early entropy below which it has collapsed, if the score is below half of the best."""

    explained_warn: Number = 0.2
    """`losses/explained_variance` over the last fifth."""

    growth: Number = 10.0
    """Value loss and gradient norm: last fifth over the middle of the run."""

    cloning: Number = 0.9
    """Cloning loss while the teacher is active: last over early."""

    throughput: Number = 0.7
    """Speed of the last fifth over the run's median."""

    hacking: Number = 0.1
    """Rank correlation of reward and task below which a rising reward is called shaping that is exploited."""


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def read_time(text: str, now: float, name: str) -> float:
    """Read a point in time.

    Args:
        text: `14d` (before now), `2026-01-10`, `2026-01-10T12:00`, all UTC; or seconds since 1970.
        now: seconds since 1970.
        name: of the option, for the message.

    Returns:
        Seconds since 1970.

    Raises:
        UserError: if it is none of these.
    """
    found = _DURATION.fullmatch(text.strip())
    try:
        if found:
            seconds = now - float(found.group(1)) * _UNITS[found.group(2)]
        elif re.fullmatch(r"\d{9,}(\.\d+)?", text):
            seconds = float(text)
        else:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            seconds = (moment - _EPOCH) / timedelta(seconds=1)
        _EPOCH + timedelta(seconds=seconds)  # within the years that a date can have
    except (ValueError, OverflowError):
        raise UserError(
            f"`{name}={text}` is no time; expected `14d`, `36h`, or a UTC date such as `2026-01-10`."
        ) from None
    return seconds


def read_rank(text: str) -> tuple[str, float]:
    """Read `tail:20`, `at:1e9`, `last`, `best`, `auc`, `per-hour`.

    Returns:
        The mode and its number (percent for `tail`, steps for `at`, else 0).

    Raises:
        UserError: if it is none of these.
    """
    mode, _, rest = text.partition(":")
    try:
        value = float(rest.replace("_", "")) if rest else {"tail": 20.0}.get(mode, 0.0)
    except ValueError:
        value = -1.0
    known = mode in ("tail", "at", "last", "best", "auc", "per-hour")
    fits = (mode != "tail" or 0 < value <= 100) and (mode != "at" or 0 < value < math.inf)
    if not known or not fits or (rest and mode not in ("tail", "at")):
        raise UserError(
            f"`rank={text}` is no way to score; there are `tail:20` (percent), `at:1e9` (steps), `last`, `best`, "
            "`auc` and `per-hour`."
        )
    return mode, value

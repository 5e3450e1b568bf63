"""docs/10-losses.md speaks of every loss, and only of metrics that exist."""

import re
from pathlib import Path

from coglab.tracking.names import METRICS, check_name
from coglab.training.config import LossesConfig

TEXT = (Path(__file__).parents[2] / "docs" / "10-losses.md").read_text(encoding="utf-8")


def test_every_loss_has_a_section():
    for name in LossesConfig.model_fields:
        assert f"## {name}" in TEXT


def test_every_metric_it_names_exists_and_none_of_the_losses_is_left_out():
    named = set(re.findall(r"`((?:losses|experience|teacher)/[a-z_]+)`", TEXT))
    for name in named:
        check_name(name)
    left_out = {name for name in METRICS if name.startswith("losses/")} - named
    per_slice = {
        f"losses/supervised_{kind}_{led}_led"
        for kind in ("action_loss", "accuracy")
        for led in ("teacher", "student")
    }
    shares = {"losses/teacher_led_proportion", "losses/student_led_proportion", "losses/total_loss"}
    assert left_out <= per_slice | shares

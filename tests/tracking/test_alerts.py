from __future__ import annotations

import math

from coglab.tracking.alerts import WINDOW, TargetAlerts

KL = "losses/approx_kl"


def feed(alerts, values, name=KL):
    return [a for step, value in enumerate(values) for a in alerts.update(step, {name: value})]


def test_a_metric_that_stays_above_its_target_is_told_once():
    alerts = TargetAlerts(ignored=())
    told = feed(alerts, [0.1] * 50)
    assert len(told) == 1
    assert "below 0.03" in told[0].text
    assert f"agent step {WINDOW - 1}" in told[0].text


def test_a_spike_is_no_alert():
    assert feed(TargetAlerts(ignored=()), ([0.001] * 7 + [5.0] * 3) * 10) == []


def test_a_metric_without_a_target_is_no_alert():
    assert feed(TargetAlerts(ignored=()), [1e9] * 50, "losses/policy_loss") == []


def test_what_is_no_number_is_told_at_once():
    (alert,) = feed(TargetAlerts(ignored=()), [0.001, math.nan, 0.001])
    assert "not finite at agent step 1" in alert.text


def test_the_kl_divergence_is_left_to_the_trainers_own_guard():
    assert feed(TargetAlerts(), [0.1] * 50) == []
    assert len(feed(TargetAlerts(), [0.9] * 50, "losses/clipfrac")) == 1


def test_clipping_is_no_alert_while_a_teacher_labels():
    alerts = TargetAlerts()
    for step in range(50):
        row = {"losses/teacher_led_proportion": 0.5, "losses/clipfrac": 0.9}
        assert alerts.update(step, row) == []
    alone = [
        alert
        for step in range(WINDOW)
        for alert in alerts.update(
            step, {"losses/teacher_led_proportion": 0.0, "losses/clipfrac": 0.9}
        )
    ]
    assert len(alone) == 1

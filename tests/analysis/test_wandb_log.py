from __future__ import annotations

import json
import math
import os
import struct
import time

import numpy as np
import pytest

from coglab.analysis.model import RunInfo
from coglab.analysis.source_wandb_files import WandbFiles, read_history
from coglab.analysis.wandb_log import LogError, LogReader
from coglab.analysis.wandb_records import FACTS, LogFacts, history_values
from tests.analysis.synthetic import (
    MESSAGES,
    NOW,
    exit_record,
    frame,
    history,
    item,
    record,
    run_record,
    write_log,
)


def rows(count: int, first: int = 1) -> list[bytes]:
    return [
        history({"metric/agent_step": 100 * i, "loss": 1 / i, "_step": i, "_timestamp": NOW + i})
        for i in range(first, first + count)
    ]


def payloads(path) -> list[bytes]:
    return [bytes(data) for _, data, _ in LogReader(path).records()]


def read(path, names, step="metric/agent_step"):
    run = RunInfo("r", "r", "s")
    return read_history(path, names, step, run), run


def test_records_come_back_as_the_protobuf_runtime_wrote_them(tmp_path):
    written = [run_record(config={"a": 1}), *rows(20), exit_record(0)]
    assert payloads(write_log(tmp_path, "r1", written)) == written


def test_a_record_may_span_three_blocks(tmp_path):
    long = history({"text": "x" * 80_000, "loss": 2.0})
    path = write_log(tmp_path, "r1", [run_record(), long, *rows(3)])
    assert payloads(path)[1] == long
    series, _ = read(path, ["loss"], "_step")
    assert series["loss"].values[-1] == pytest.approx(1 / 3)


@pytest.mark.parametrize("old", [True, False])
def test_values_are_those_that_the_protobuf_runtime_reads(tmp_path, old):
    rng = np.random.default_rng(3)
    written = []
    for i in range(50):
        values = {f"m{k}": float(rng.standard_normal()) for k in range(30)}
        values |= {
            "metric/agent_step": i * 10,
            "_timestamp": NOW + i,
            "flag": True,
            "deep": {"inner": i},
        }
        written.append(history(values, old=old))
    path = write_log(tmp_path, "r1", written)
    series, _ = read(path, ["m3", "m29", "deep.inner", "absent"])
    judged = [MESSAGES["Record"].FromString(data) for data in written]
    for name in ("m3", "m29"):
        truth = [
            json.loads(i.value_json)
            for r in judged
            for i in r.history.item
            if name in (i.key, *i.nested_key)
        ]
        assert series[name].values.tolist() == truth
    assert series["m3"].steps.tolist() == [10.0 * i for i in range(50)]
    assert series["deep.inner"].values.tolist() == list(range(50))
    assert "absent" not in series


def test_nested_keys_are_joined_with_dots(tmp_path):
    data = record(
        history=MESSAGES["History"](item=[item(["a", "b.c"], 5), item("metric/agent_step", 1)])
    )
    series, _ = read(write_log(tmp_path, "r1", [data]), ["a.b.c"])
    assert series["a.b.c"].values.tolist() == [5.0]


def test_words_for_non_finite_numbers_are_read(tmp_path):
    data = [history({"metric/agent_step": i, "x": v}) for i, v in enumerate(["NaN", "Infinity", 1])]
    series, _ = read(write_log(tmp_path, "r1", data), ["x"])
    assert math.isnan(series["x"].values[0])
    assert series["x"].values[1:].tolist() == [math.inf, 1.0]


def test_typed_values_are_read_where_there_is_no_text(tmp_path):
    typed = [
        MESSAGES["Item"](nested_key=["x"], number=2.5),
        MESSAGES["Item"](nested_key=["n"], integer=-3),
    ]
    data = record(history=MESSAGES["History"](item=[*typed, item("metric/agent_step", 7)]))
    series, _ = read(write_log(tmp_path, "r1", [data]), ["x", "n"])
    assert (series["x"].values[0], series["n"].values[0], series["x"].steps[0]) == (2.5, -3.0, 7.0)


def test_an_empty_text_at_the_end_of_a_record_is_no_value(tmp_path):
    empty = MESSAGES["Item"](nested_key=["x"], value_json=" ")
    data = record(history=MESSAGES["History"](item=[item("metric/agent_step", 1), empty]))[:-1]
    # The last byte of the text is cut off, and the lengths around it are made to fit.
    shorter = bytearray(data)
    shorter[3] -= 1
    inner = bytes(shorter).rindex(b"\x12\x01x")
    shorter[inner - 1] -= 1
    shorter[-1] -= 1
    series, run = read(write_log(tmp_path, "r1", [bytes(shorter)]), ["x"])
    assert series == {}
    assert run.rows == 1


def test_histograms_are_no_metrics(tmp_path):
    data = history({"h": {"_type": "histogram", "values": [1]}, "metric/agent_step": 1})
    assert "h.values" not in history_values(data, 2)


def test_rows_without_the_step_axis_belong_to_the_step_before_them(tmp_path):
    data = [
        history({"metric/agent_step": 50}),
        history({"x": 1}),
        history({"metric/agent_step": 90, "x": 2}),
    ]
    series, _ = read(write_log(tmp_path, "r1", data), ["x"])
    assert series["x"].steps.tolist() == [50.0, 90.0]


def test_without_the_step_axis_the_own_step_is_used_and_noted(tmp_path):
    data = [history({"x": i, "_step": i * 3}) for i in range(3)]
    series, run = read(write_log(tmp_path, "r1", data), ["x"])
    assert series["x"].steps.tolist() == [0.0, 3.0, 6.0]
    assert any("W&B's own step" in note for note in run.notes)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "first 7 bytes"),
        (b":W&B", "first 7 bytes"),
        (b"nonsense of some length", "magic"),
        (b":W&B" + struct.pack("<HB", 0xBEE1, 1) + b"xxxx", "version 1"),
        (b":W&B" + struct.pack("<HB", 0xBEE1, 0), "empty run"),
    ],
)
def test_files_that_are_no_logs_say_why(tmp_path, content, reason):
    path = tmp_path / "x.wandb"
    path.write_bytes(content)
    with pytest.raises(LogError, match=reason):
        LogReader(path)


def test_cut_anywhere_a_log_gives_a_prefix(tmp_path):
    written = [run_record(), *rows(8), exit_record(0)]
    whole = frame(written)
    path = tmp_path / "x.wandb"
    for end in range(8, len(whole)):
        path.write_bytes(whole[:end])
        got = payloads(path)
        assert got == written[: len(got)]
    path.write_bytes(whole)
    assert payloads(path) == written


def test_a_flipped_byte_loses_at_most_its_block(tmp_path):
    written = [
        history({"metric/agent_step": i, "x": float(i), "pad": "y" * 900}) for i in range(120)
    ]
    whole = bytearray(frame(written))
    path = tmp_path / "x.wandb"
    for at in range(7, 32_768, 997):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        reader = LogReader(path)
        got = [bytes(data) for _, data, _ in reader.records()]
        assert reader.lost_bytes > 0
        assert set(got) <= set(written)
        assert len(got) >= len(written) - 34  # 32,768 bytes hold 33 of these, and one may cross
        assert got[-1] == written[-1]


def test_a_zeroed_block_is_skipped(tmp_path):
    written = [history({"x": float(i), "pad": "y" * 900}) for i in range(120)]
    whole = bytearray(frame(written))
    whole[32_768:65_536] = bytes(32_768)
    path = tmp_path / "x.wandb"
    path.write_bytes(whole)
    got = payloads(path)
    assert got[0] == written[0]
    assert got[-1] == written[-1]
    assert set(got) <= set(written)


def test_a_tail_of_zeros_is_no_damage(tmp_path):
    written = rows(5)
    path = tmp_path / "x.wandb"
    path.write_bytes(frame(written) + bytes(100_000))
    reader = LogReader(path)
    assert [bytes(d) for _, d, _ in reader.records()] == written
    assert reader.lost_bytes == 0


def test_garbage_with_a_right_checksum_is_counted(tmp_path):
    rng = np.random.default_rng(1)
    garbage = [b"\x12" + rng.bytes(60) for _ in range(20)]
    path = write_log(tmp_path, "r1", [run_record(), *garbage, *rows(5)])
    series, run = read(path, ["loss"])
    assert series["loss"].values[-1] == pytest.approx(0.2)
    assert any("could not be decoded" in note for note in run.notes)


def _mutations(count: int, seed: int):
    rng = np.random.default_rng(seed)
    written = [
        run_record(config={"a": {"b": 1}}),
        *rows(30),
        history({"pad": "z" * 40_000}),
        *rows(5, 40),
        exit_record(1),
    ]
    whole = np.frombuffer(frame(written), np.uint8)
    for _ in range(count):
        data = whole.copy()
        for _ in range(int(rng.integers(1, 6))):
            kind = rng.integers(4)
            at = int(rng.integers(0, len(data)))
            if kind == 0:
                data[at] = rng.integers(256)
            elif kind == 1:
                data = data[: max(8, at)]
            elif kind == 2:
                data[at : at + int(rng.integers(1, 300))] = 0
            else:
                size = int(rng.integers(1, 50))
                data = np.concatenate(
                    [data[:at], rng.integers(0, 256, size).astype(np.uint8), data[at:]]
                )
        yield data.tobytes()


def _survives(path, data):
    path.write_bytes(data)
    try:
        reader = LogReader(path)
    except LogError:
        return
    facts = LogFacts()
    for kind, payload, start in reader.records(FACTS):
        facts.take(kind, payload, start)
    read(path, ["loss", "pad"])


def test_mutated_files_raise_nothing(tmp_path):
    for data in _mutations(300, seed=5):
        _survives(tmp_path / "x.wandb", data)


@pytest.mark.slow
def test_ten_thousand_mutated_files_raise_nothing_and_end(tmp_path):
    import resource

    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in _mutations(10_000, seed=6):
        _survives(tmp_path / "x.wandb", data)
    assert time.monotonic() - began < 600
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


@pytest.mark.parametrize(
    ("records", "age", "state", "code"),
    [
        ([exit_record(0)], 0, "finished", 0),
        ([exit_record(1)], 0, "failed", 1),
        ([exit_record(3)], 0, "failed", 3),
        ([exit_record(255)], 0, "interrupted", 255),
        ([exit_record(143)], 0, "terminated", 143),
        ([record(preempting=MESSAGES["Empty"]()), exit_record(143)], 0, "preempted", 143),
        ([], 10, "running", None),
        ([], 10_000, "crashed", None),
    ],
)
def test_the_end_of_a_log_says_how_the_run_ended(tmp_path, records, age, state, code):
    path = write_log(tmp_path, "r1", [run_record(), *rows(3), *records])
    os.utime(path, (NOW - age, NOW - age))
    (run,) = WandbFiles(tmp_path, "wandb-dir:x", NOW).list()
    assert (run.state, run.exit_code) == (state, code)


def test_configuration_summary_tags_and_start_are_read(tmp_path):
    late = record(config=MESSAGES["Update"](update=[item("a", 2)], remove=[item("gone", 0)]))
    summary = record(
        summary=MESSAGES["Update"](update=[item("loss", 0.5), item("metric/agent_step", 900)])
    )
    defined = record(metric=MESSAGES["Metric"](glob_name="*", step_metric="metric/agent_step"))
    first = run_record(config={"a": 1, "gone": 1, "n": {"x": 3}}, tags=["t1", "t2"], notes="n")
    write_log(tmp_path, "r1", [first, late, defined, summary, exit_record(0)])
    (run,) = WandbFiles(tmp_path, "s", NOW).list()
    assert run.config == {"a": 2, "n": {"x": 3}}
    assert (run.tags, run.run_notes, run.step_metric, run.last_step) == (
        ["t1", "t2"],
        "n",
        "metric/agent_step",
        900,
    )
    assert run.created == NOW - 86_400
    assert run.config_changes


def test_fragments_of_one_run_are_merged_and_rewinds_counted(tmp_path):
    one = write_log(tmp_path / "a", "r1", [run_record(start=NOW - 900), *rows(10)])
    write_log(
        tmp_path / "b", "r1", [run_record(start=NOW - 500), *rows(5, first=8), exit_record(0)]
    )
    source = WandbFiles(tmp_path, "s", NOW)
    (run,) = source.list()
    series = source.history(run, ["loss"])["loss"]
    assert one.exists()
    assert run.fragments == 2
    assert run.state == "finished"
    assert run.rewinds == [(1000.0, 800.0)]
    assert run.superseded_rows == 3
    assert series.steps.tolist() == [100.0 * i for i in range(1, 13)]


def test_five_folders_of_one_run_are_one_run(tmp_path):
    for part in range(5):
        write_log(
            tmp_path / str(part),
            "r1",
            [run_record(start=NOW - 900 + part), *rows(3, first=1 + 3 * part)],
        )
    source = WandbFiles(tmp_path, "s", NOW)
    (run,) = source.list()
    assert run.fragments == 5
    assert len(source.history(run, ["loss"])["loss"].steps) == 15


def test_empty_and_foreign_files_are_listed_apart(tmp_path):
    write_log(tmp_path, "good", [run_record("good"), exit_record(0)])
    (tmp_path / "empty.wandb").write_bytes(frame([]))
    (tmp_path / "foreign.wandb").write_bytes(b"something else entirely")
    source = WandbFiles(tmp_path, "s", NOW)
    assert [run.id for run in source.list()] == ["good"]
    assert sorted((u.place, u.kind) for u in source.unreadable) == [
        ("empty.wandb", "empty"),
        ("foreign.wandb", "unreadable"),
    ]


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    outside = write_log(tmp_path / "outside", "secret", [run_record("secret"), exit_record(0)])
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.wandb").symlink_to(outside)
    (inside / "folder").symlink_to(outside.parent)
    assert list(WandbFiles(inside, "s", NOW).list()) == []


def test_a_file_that_grows_never_loses_rows(tmp_path):
    whole = frame([run_record(), *rows(60)])
    path = tmp_path / "x.wandb"
    seen = 0
    for end in range(200, len(whole), 101):
        path.write_bytes(whole[:end])
        series, _ = read(path, ["loss"])
        count = len(series["loss"].steps) if "loss" in series else 0
        assert count >= seen
        seen = count
    assert seen > 50


def test_fields_beside_the_payload_may_stand_before_it(tmp_path):
    # As written by the client 0.31: control (16), uuid (19) or info (200) before the run and the exit.
    control, uuid = b"\x82\x01\x0e\x92\x02\x0blqvf4wcnl8i", b"\x9a\x01\x02ab"
    info = b"\xc2\x0c\x02\x0a\x00"
    plain = [run_record("r"), exit_record(5)]
    moved = [control + plain[0], uuid + info + plain[1]]
    path = write_log(tmp_path, "r", moved)
    assert [(record.kind) for record in LogReader(path).records()] == [17, 18]
    facts = LogFacts()
    for kind, data, start in LogReader(path).records():
        facts.take(kind, data, start)
    assert (facts.run["id"], facts.exit_code) == ("r", 5)


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16_383, 16_384, 2**21 - 1, 2**21, 2**40])
def test_the_kind_of_a_record_does_not_hang_on_its_number(tmp_path, number):
    whole = MESSAGES["Record"].FromString
    made = []
    for data in (
        history({"x": 1}),
        run_record(),
        exit_record(0),
        record(preempting=MESSAGES["Empty"]()),
    ):
        one = whole(data)
        one.num = number
        made.append(one.SerializeToString())
    path = write_log(tmp_path, "r", made)
    found = list(LogReader(path).records())
    assert [one.kind for one in found] == [2, 17, 18, 23]

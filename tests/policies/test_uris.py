from __future__ import annotations

import subprocess
import sys

import pytest

from coglab.config import UserError
from coglab.policies.checkpoints import save_checkpoint
from coglab.policies.uris import describe_uri, load_policy, parse_uri


@pytest.fixture
def data_dir(tmp_path, network):
    for run in ("first", "second"):
        for version, score in ((1, 5.0), (2, 1.0), (12, 2.0)):
            save_checkpoint(tmp_path / run, version, network, {}, score=score)
    return tmp_path


@pytest.mark.parametrize(
    ("uri", "version"),
    [
        ("metta://policy/first", "v12"),
        ("metta://policy/first:latest", "v12"),
        ("metta://policy/first:best", "v1"),
        ("metta://policy/first:v2", "v2"),
    ],
)
def test_versions_of_a_run(data_dir, uri, version):
    assert describe_uri(uri, data_dir).endswith(f"first/checkpoints/{version}")
    assert load_policy(uri, data_dir).name == uri


def test_files_and_folders(data_dir):
    for path in ("first", "first/checkpoints", "first/checkpoints/v12"):
        assert describe_uri(f"file://{data_dir / path}").endswith("first/checkpoints/v12")
    with pytest.raises(UserError, match="neither a checkpoint folder"):
        describe_uri(f"file://{data_dir / 'nothing'}")


def test_a_missing_version_lists_the_ones_that_exist(data_dir):
    with pytest.raises(UserError, match="It has: v1, v2, v12"):
        load_policy("metta://policy/first:v3", data_dir)


def test_a_missing_run_names_the_nearest_and_the_known_ones(data_dir):
    with pytest.raises(UserError, match=r"Did you mean `first`.*first, second"):
        load_policy("metta://policy/frist", data_dir)
    with pytest.raises(UserError, match="There is none there"):
        load_policy("metta://policy/first", data_dir / "empty")


@pytest.mark.parametrize(
    "uri",
    [
        "first",
        "metta://policy/",
        "file://",
        "s3://bucket/x",
        "metta://policy/../first",
        "metta://policy/first/checkpoints",
        "metta://policy//etc",
        "metta://policy/a..b",
        "metta://policy/first:v01",
        "metta://policy/first:newest",
        "metta://policy/first:v-1",
        "metta://policy/first:v" + "9" * 40,
        "metta://policy/first?x=1",
        "metta://policy/" + "a" * 200,
        "metta://policy/random?x=1",
        "metta://policy/first\n",
        "metta://policy/first:latest:v1",
    ],
)
def test_what_is_no_policy_is_refused_with_an_example(data_dir, uri):
    with pytest.raises(UserError):
        describe_uri(uri, data_dir)


def test_a_run_folder_that_is_a_link_out_of_the_data_folder_is_refused(data_dir, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (data_dir / "second").rename(outside / "second")
    (data_dir / "second").symlink_to(outside / "second")
    with pytest.raises(UserError, match="no run `second`"):
        load_policy("metta://policy/second", data_dir)


def test_registered_names_come_first(data_dir, network):
    save_checkpoint(data_dir / "random", 1, network, {})
    assert parse_uri("metta://policy/random").kind == "baseline"
    assert parse_uri("metta://policy/cogsguard?gear=10").kind == "teacher"
    assert "teacher" in describe_uri("metta://policy/miner")


def test_a_wrong_teacher_parameter_is_refused():
    with pytest.raises(UserError):
        parse_uri("metta://policy/cogsguard?gaer=10")


def test_reading_a_uri_loads_neither_torch_nor_numba(data_dir):
    code = (
        "import sys; from coglab.policies.uris import describe_uri;"
        f"describe_uri('metta://policy/first:best', {str(data_dir)!r});"
        "describe_uri('metta://policy/cogsguard?gear=10');"
        "assert not {'torch', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

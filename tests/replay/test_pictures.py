"""Pictures, key moments, films."""

from __future__ import annotations

import copy
import io
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from coglab.config import UserError
from coglab.replay.config import PictureConfig
from coglab.replay.export import export, find_ffmpeg
from coglab.replay.history import History
from coglab.replay.picture import CLIPS, COGS, FLOOR, WALL, Painter
from tests.replay.conftest import record

YARD = "#########\n#@..=...#\n#..J.&..#\n#..O....#\n#########\n"


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    path = tmp_path_factory.mktemp("maps") / "yard.map"
    path.write_text(YARD)
    recorder, _ = record(steps=30, agents=1, mission=str(path))
    return recorder.document()


def _mostly(picture, row, col, cell_px):
    """The commonest colour of a cell."""
    box = np.asarray(picture)[
        row * cell_px : (row + 1) * cell_px, col * cell_px : (col + 1) * cell_px
    ]
    colours, counts = np.unique(box.reshape(-1, 3), axis=0, return_counts=True)
    return tuple(colours[counts.argmax()].tolist())


def test_a_picture_shows_walls_areas_and_owners_where_they_are(yard):
    document = copy.deepcopy(yard)
    junction = next(
        thing
        for thing in document["objects"]
        if document["type_names"][thing["type_id"]] == "junction"
    )
    junction["collective_id"] = [[0, -1], [10, 0], [20, 1]]
    painter = Painter(History(document), cell_px=16)
    owned_by = {0: None, 10: CLIPS, 20: COGS}
    for state, owner in owned_by.items():
        picture = painter.paint(state)
        assert picture.size == (9 * 16, 5 * 16 + 22)
        assert _mostly(picture, 0, 4, 16) == WALL
        if owner is not None:
            assert picture.getpixel((3 * 16 + 8, 2 * 16 + 8)) == owner
    floor = np.array(_mostly(painter.paint(0), 3, 6, 16))
    np.testing.assert_allclose(floor, 0.76 * np.array(FLOOR) + 0.24 * np.array(COGS), atol=1.5)


def test_every_kind_of_picture_is_written(yard, tmp_path):
    config = PictureConfig(ticks=(3, -1), sheet=True, gif=True, every=10, cell_px=8)
    paths = export(yard, config, tmp_path / "deep" / "a")
    assert [path.name for path in paths] == ["a-3.png", "a-30.png", "a-moments.png", "a.gif"]
    with Image.open(paths[3]) as film:
        assert film.n_frames == 4
        assert film.info["duration"] == 80
    for path in paths[:3]:
        Image.open(io.BytesIO(path.read_bytes())).verify()


@pytest.mark.parametrize("tick", [31, -32])
def test_a_tick_outside_the_episode_is_refused(yard, tmp_path, tick):
    with pytest.raises(UserError, match="0 to 30"):
        export(yard, PictureConfig(ticks=(tick,)), tmp_path / "a")


def test_an_animation_that_begins_behind_the_end_is_refused(yard, tmp_path):
    with pytest.raises(UserError, match=r"pictures\.first=0"):
        export(yard, PictureConfig(gif=True, first=99), tmp_path / "a")


def test_key_moments_are_firsts_extremes_and_both_ends(episode):
    document = copy.deepcopy(episode[0])
    document["events"] = [
        [7, 3, -1, 0, -1],
        [12, 0, 2, 0, -1],
        [20, 0, 2, 1, -1],
        [20, 6, 1, -1, -1],
    ]
    document["collectives"][1]["junctions"] = [[0, 0], [12, 1], [20, 2], [60, 1]]
    moments = History(document).key_moments()
    assert moments == [
        (0, "start"),
        (7, "the clips scramble a junction"),
        (12, "first junction aligned"),
        (20, "most junctions: 2"),
        (60, "1 junctions lost in 15 ticks"),
        (150, "end"),
    ]
    assert len(History(document).key_moments(most=3)) == 3


def test_a_damaged_replay_is_refused_in_words(episode):
    for damage in (
        lambda d: d["objects"][0].update(location=[0, 10**6]),
        lambda d: d["objects"][0].update(location=[0]),
        lambda d: d["objects"].pop(),
        lambda d: d["walls"].pop(),
        lambda d: d.update(collectives=[]),
    ):
        document = copy.deepcopy(episode[0])
        damage(document)
        with pytest.raises(UserError, match="damaged"):
            History(document)


def test_without_ffmpeg_a_film_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UserError, match="--with film"):
        find_ffmpeg()


def test_a_film_is_written_where_there_is_ffmpeg(yard, tmp_path):
    try:
        find_ffmpeg()
    except UserError:
        pytest.skip("no ffmpeg here, neither a program nor the package imageio-ffmpeg")
    (path,) = export(yard, PictureConfig(mp4=True), tmp_path / "a")
    assert path.read_bytes()[4:8] == b"ftyp"

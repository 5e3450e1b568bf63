"""What the tool `replay` does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from coglab.evaluation.recording import Episode, make_cast, record
from coglab.policies.uris import load_policy
from coglab.replay import file as replay_file
from coglab.replay.export import export
from coglab.replay.file import Document
from coglab.replay.resimulate import first_difference
from coglab.replay.viewer import page
from coglab.tracking.display import OutputConsole, print_line
from coglab.training.device import choose_device, prepare_threads

if TYPE_CHECKING:
    from coglab.tools.replay import ReplayTool


def record_episode(tool: ReplayTool, log: Console) -> Document:
    """Play the episode that a tool describes.

    Args:
        tool: resolved.
        log: where a line about it goes.

    Returns:
        The replay.
    """
    prepare_threads()
    device = choose_device(tool.system.device)
    game = tool.game
    started = time.perf_counter()
    episode = Episode(
        game,
        make_cast(tool.policy_uris, tool.policy_of_role, game),
        lambda uri: load_policy(uri, Path(tool.train_dir), device=str(device)),
        map_seed=tool.map_seed,
        seed=tool.seed,
        mode=tool.mode,
        teacher_uri=tool.teacher_uri,
        note=tool.note,
    )
    document = record(episode)
    seconds = time.perf_counter() - started
    print_line(log, f"recorded: {document['steps']:,} ticks in {seconds:.1f} s")
    return document


def run(tool: ReplayTool) -> int:
    """Record or read a replay, check it, write its files.

    Args:
        tool: resolved.

    Returns:
        0; 1 if playing it again gave something else.
    """
    log, out = Console(stderr=True), OutputConsole()
    path = tool.base_path()
    if tool.input is None:
        document = record_episode(tool, log)
        data = replay_file.pack(document)
        replay_file.write(f"{path}{replay_file.SUFFIX}", data)
        print_line(out, f"{path}{replay_file.SUFFIX}  {len(data) / 1024:,.0f} KB")
    else:
        document = replay_file.read(tool.input)
        data = replay_file.pack(document)
    if tool.verify:
        difference = first_difference(document)
        if difference is not None:
            print_line(log, f"playing it again from seeds and actions differs: {difference}")
            return 1
        print_line(log, "played again from seeds and actions: the same to the bit")
    documents = [data]
    if tool.compare is not None:
        documents.append(replay_file.pack(replay_file.read(tool.compare)))
    replay_file.write(f"{path}.html", page(documents))
    print_line(out, f"{path}.html  open it in a browser")
    if tool.pictures.wants_any():
        for picture in export(document, tool.pictures, path):
            print_line(out, str(picture))
    return 0

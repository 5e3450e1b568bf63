"""Replays: what happened in one episode, tick by tick, in a small file; and pages and pictures made of it.

`tracks.py` and `file.py` are the format, `recorder.py` collects an episode, `cogsguard.py` knows the game,
`resimulate.py` plays a file again and compares, `viewer.py` makes the HTML page, `picture.py` and `export.py` draw
pictures. The format is described in docs/08-replays.md.
"""

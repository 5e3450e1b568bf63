"""Evaluation: episodes on held-out maps, turned into means with intervals.

`episodes.py` plays them, `statistics.py` makes the intervals, `report.py` the table and the JSON file.
"""

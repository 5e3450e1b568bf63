"""The reference engine, mettagrid 0.6.0: an environment of its own, and a process in it that can be measured.

`environment.py` makes the environment, `worker.py` runs inside it, `client.py` talks to the worker.
"""

"""What can be done: each tool is one Config class that holds every setting, and a `run()`.

A tool's class imports neither torch nor numba; the code that does the work is imported inside `run()`.
"""

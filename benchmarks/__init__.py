"""Benchmarks. Each script prints a table and writes JSON; run it from the repository root."""

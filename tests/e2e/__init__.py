"""Whole runs, as a user types them."""

"""The game machina_1. So far its settings only: recipes resolve, and say so when they are asked to run."""

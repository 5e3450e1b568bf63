"""Reading runs from several stores, ranking them honestly, and writing down what to do next.

The way of the data: `sources` -> `select` -> `series` -> `ranking`, `contrast`, `failures`, `health` -> `recommend` ->
`pipeline` (one JSON-able document) -> `markdown`, `html`, `figures`, which read nothing but that document.
"""

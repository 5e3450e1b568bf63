"""Pages of docs/ that are made from the code, one module each; `tools/make_docs.py` writes them."""

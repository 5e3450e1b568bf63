"""Policies: the protocol, learned and scripted players, URIs, checkpoints."""

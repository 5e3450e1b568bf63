#!/usr/bin/env bash
# Copies this repository to ${host} and trains there in tmux; type the same again to look at it.
# The same in one command: ./tools/run.py remote=${host}:${folder} ...
set -eu
ssh ${host} mkdir -p ${folder}
rsync -az --delete --exclude .venv --exclude .venv.lock --exclude train_dir --exclude __pycache__ ./ ${host}:${folder}/
ssh -t ${host} ${remote_command}

#!/usr/bin/env bash
# Builds the image, and trains in it; the results lie in ./train_dir. SIGTERM (docker stop) saves before it ends.
set -eu
docker build --tag ${image} .
exec docker run --rm --init --name ${name} --stop-timeout 120 --gpus all --shm-size 8g \
    --volume "$$PWD/train_dir:/train_dir" ${image} nproc=${nproc} \
    ${command} train_dir=/train_dir

# coglab in a container: docker build --tag coglab . && docker run --rm --gpus all coglab --list
# `tools/run.py` is the entry point, so that whatever is typed behind the image's name is a command of coglab.
FROM python:3.12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends git tmux rsync && rm -rf /var/lib/apt/lists/*
WORKDIR /coglab
COPY pyproject.toml constraints.txt ./
# The dependencies are a layer of their own: editing the source does not fetch them again.
RUN python -c "import tomllib; print('\n'.join(tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies']))" > /tmp/needed.txt \
    && pip install --no-cache-dir --only-binary=:all: -c constraints.txt -r /tmp/needed.txt
COPY . .
ENV BOOTSTRAP=off
# The launcher is the container's first process and gets its signals.
ENTRYPOINT ["python", "tools/run.py"]
CMD ["--list"]

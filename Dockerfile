# The dashboard in a container. The first stages have Rust and build wheels; the last has neither compiler nor sources.
# Who wants the very same images next year gives their digests:
#   docker compose build --build-arg PYTHON_IMAGE=python@sha256:... --build-arg RUST_IMAGE=rust@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim-bookworm
ARG RUST_IMAGE=rust:1.95-slim-bookworm

FROM ${RUST_IMAGE} AS rust

FROM ${PYTHON_IMAGE} AS build
# The compiler is gone from the last stage: its exact version does not matter.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY --from=rust /usr/local/cargo /usr/local/cargo
COPY --from=rust /usr/local/rustup /usr/local/rustup
ENV CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup PATH=/usr/local/cargo/bin:$PATH
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY engine_rs engine_rs
COPY market_sim market_sim
COPY agents agents
# pip keeps the dependencies' wheels beside ours: the second stage installs without an index.
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin market
COPY --from=build /wheels /wheels
# Without an index there is one version to choose from: the one that was built.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir --no-index --find-links /wheels market-sim && rm -rf /wheels
WORKDIR /srv
COPY app app
# `app` is imported by name, as from a checkout; nothing else lies in /srv.
ENV PYTHONPATH=/srv PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 MARKET_SIM_ENGINE=rust HOME=/tmp
USER 10001:10001
EXPOSE 5006
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5006/liveness', timeout=4)"]
# Inside the container every interface is its own; docker-compose.yml publishes the port on 127.0.0.1 only.
CMD ["panel", "serve", "app", "--address", "0.0.0.0", "--port", "5006", "--liveness", \
     "--allow-websocket-origin", "127.0.0.1:5006", "--allow-websocket-origin", "localhost:5006", \
     "--websocket-max-message-size", "8388608", "--unused-session-lifetime", "10000", \
     "--check-unused-sessions", "5000"]

# The dashboard in a container. The first stage has Rust and builds wheels; the second has neither compiler nor sources.
ARG PYTHON_VERSION=3.13
ARG RUST_VERSION=1.95

FROM rust:${RUST_VERSION}-slim-bookworm AS rust

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
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

FROM python:${PYTHON_VERSION}-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin market
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels market-sim && rm -rf /wheels
WORKDIR /srv
COPY app app
# `app` is imported by name, as from a checkout; nothing else lies in /srv.
ENV PYTHONPATH=/srv PYTHONUNBUFFERED=1 MARKET_SIM_ENGINE=rust HOME=/tmp
USER 10001:10001
EXPOSE 5006
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5006/liveness', timeout=4)"]
# Inside the container every interface is its own; docker-compose.yml publishes the port on 127.0.0.1 only.
CMD ["panel", "serve", "app", "--address", "0.0.0.0", "--port", "5006", "--liveness", \
     "--allow-websocket-origin", "127.0.0.1:5006", "--allow-websocket-origin", "localhost:5006", \
     "--websocket-max-message-size", "8388608", "--unused-session-lifetime", "10000", \
     "--check-unused-sessions", "5000"]

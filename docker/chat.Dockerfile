# The chat server with its model baked in. Training needs all of Rasa; what serves has no TensorFlow, which it never imports.
#   docker build -f docker/chat.Dockerfile -t sparc-chat .
FROM python:3.10.18-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/serve.lock /build/serve.lock
RUN python -m venv /venv && /venv/bin/pip install --require-hashes --only-binary :all: -r /build/serve.lock

FROM build AS train
WORKDIR /app
ENV PYTHONPATH=/app RASA_TELEMETRY_ENABLED=false PYTHONUTF8=1 SPARC_MODELS=/app/models
COPY requirements/serve.lock ./requirements/serve.lock
COPY config.yml domain.yml ./
COPY data ./data
COPY bot ./bot
RUN /venv/bin/python -m bot.cli train

FROM build AS serve
RUN /venv/bin/pip uninstall --yes tensorflow tensorflow-cpu-aws tensorflow-estimator tensorflow-hub tensorflow-text \
        tensorflow-io-gcs-filesystem tensorboard tensorboard-data-server keras libclang jax jaxlib pip

FROM python:3.10.18-slim-bookworm
LABEL org.opencontainers.image.title="SPARC Assistant: chat server" org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 sparc \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin sparc \
    && install --directory --owner=sparc --group=sparc --mode=0700 /var/lib/sparc
COPY --from=serve /venv /venv
WORKDIR /app
COPY domain.yml config.yml LICENSE ./
COPY bot ./bot
COPY --from=train /app/models ./models
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONUTF8=1 \
    PYTHONWARNINGS=ignore \
    SQLALCHEMY_SILENCE_UBER_WARNING=1 \
    RASA_TELEMETRY_ENABLED=false \
    MPLCONFIGDIR=/tmp/matplotlib \
    SPARC_HOME=/var/lib/sparc \
    SPARC_MODELS=/app/models \
    SPARC_HOST=0.0.0.0 \
    SPARC_PORT=5005 \
    SPARC_ACTION_PORT=5006
USER 10001:10001
VOLUME /var/lib/sparc
EXPOSE 5005
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:5005/health/live', timeout=4)"]
CMD ["python", "-m", "bot.server"]

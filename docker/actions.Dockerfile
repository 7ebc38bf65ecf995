# The action server, and every command of the command line that needs no model: without Rasa and TensorFlow.
#   docker build -f docker/actions.Dockerfile -t sparc-actions .
FROM python:3.10.18-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/actions.lock /build/actions.lock
RUN python -m venv /venv \
    && /venv/bin/pip install --require-hashes --only-binary :all: -r /build/actions.lock \
    && /venv/bin/pip uninstall --yes pip setuptools

FROM python:3.10.18-slim-bookworm
LABEL org.opencontainers.image.title="SPARC Assistant: action server" org.opencontainers.image.licenses="Apache-2.0"
# pg_dump and pg_restore, for backups
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-15 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 sparc \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin sparc \
    && install --directory --owner=sparc --group=sparc --mode=0700 /var/lib/sparc
COPY --from=build /venv /venv
WORKDIR /app
COPY domain.yml LICENSE ./
COPY bot ./bot
COPY actions ./actions
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONUTF8=1 \
    SQLALCHEMY_SILENCE_UBER_WARNING=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    SPARC_HOME=/var/lib/sparc \
    SPARC_ACTION_HOST=0.0.0.0 \
    SPARC_ACTION_PORT=5006
USER 10001:10001
VOLUME /var/lib/sparc
EXPOSE 5006
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:5006/health/live', timeout=4)"]
CMD ["python", "-m", "actions.server"]

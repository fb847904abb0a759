# One image for everything: `sendoff up` (the default), `http`, `worker`, `ingest`, `migrate`.
FROM python:3.11-slim AS build
RUN python -m venv /opt/sendoff
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements-runtime.txt /source/
RUN /opt/sendoff/bin/pip install --require-hashes -r /source/requirements-runtime.txt
COPY . /source
RUN /opt/sendoff/bin/pip install --no-deps --no-build-isolation /source

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sendoff sendoff
COPY --from=build /opt/sendoff /opt/sendoff
COPY config.yaml /etc/sendoff/config.yaml
# In a container the API is reached from outside of it, so that it does not start without a key (SENDOFF_HTTP__API_KEYS,
# or SENDOFF_HTTP__OPEN=anywhere); and logs are read by programs.
ENV PATH=/opt/sendoff/bin:$PATH PYTHONUNBUFFERED=1 SENDOFF_HTTP__HOST=0.0.0.0 SENDOFF_LOGGING__FORMAT=json
USER sendoff
WORKDIR /var/lib/sendoff
EXPOSE 8080
# The image has no curl. urlopen raises for a 503, which says what is missing.
HEALTHCHECK --interval=5s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health/ready', timeout=4)"]
CMD ["sendoff", "up", "--config", "/etc/sendoff/config.yaml"]

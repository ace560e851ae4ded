# syntax=docker/dockerfile:1

# The wheel is built where the development tools are, and they stay behind.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements-dev.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-dev.lock
COPY requirements.lock ./
RUN python -m venv /opt/capillary-aep \
 && /opt/capillary-aep/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes -r requirements.lock
COPY LICENSE README.md pyproject.toml ./
COPY schemas schemas
COPY processor processor
RUN python -m hatchling build -t wheel -d /dist \
 && /opt/capillary-aep/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /dist/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin capillary
COPY --from=build /opt/capillary-aep /opt/capillary-aep
# Probes come from outside the container; the port has no business outside the pod or the compose network.
ENV PATH=/opt/capillary-aep/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CAPILLARY_AEP_HEALTH__HOST=0.0.0.0
# capillary-aep.toml is looked for here; mount it, or set everything by environment.
WORKDIR /etc/capillary-aep
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('CAPILLARY_AEP_HEALTH__PORT') or 8080}/livez\", timeout=2)"]
# The worker leaves the group at SIGTERM and needs its drain timeout for that: give it 30 s before SIGKILL.
STOPSIGNAL SIGTERM
ENTRYPOINT ["capillary-aep"]
CMD ["run"]

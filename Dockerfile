# Any image with Python 3.11 or later, for the platform that is built for.
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
# Behind a proxy with an authority of its own: where its certificate is mounted.
ARG PIP_CERT
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /build \
 && python3 -m venv --without-pip /opt/xo-exporter
COPY constraints/build.txt constraints/runtime.txt constraints/
# The requirements are a layer of their own, which stays for as long as they do.
RUN /build/bin/pip install --quiet --require-hashes --requirement constraints/build.txt \
 && /build/bin/pip wheel --quiet --require-hashes --only-binary :all: \
      --requirement constraints/runtime.txt --wheel-dir /wheels \
 && /build/bin/pip --python /opt/xo-exporter/bin/python install --quiet --no-index --no-deps /wheels/*.whl
COPY pyproject.toml README.md LICENSE ./
COPY xo_exporter xo_exporter
RUN /build/bin/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir /own . \
 && /build/bin/pip --python /opt/xo-exporter/bin/python install --quiet --no-index --no-deps /own/*.whl

FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="xo-exporter" \
      org.opencontainers.image.description="Prometheus exporter for XCP-ng and XenServer pools" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/xo-exporter /opt/xo-exporter
ENV PATH=/opt/xo-exporter/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number, so that Kubernetes can see that it is not root; it owns nothing and writes nothing.
USER 65532:65532
EXPOSE 19773
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
  CMD ["xo-exporter", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["xo-exporter"]
CMD ["serve"]

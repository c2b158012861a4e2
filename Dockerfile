# The gateway's image: no root, no compiler, no pip; the root file system may be read-only.
#
#   docker build -t video-gateway .
#   docker build -t video-sandbox --build-arg LOCK=requirements.sandbox.lock .    with the sandbox
#
# docs/operations.md describes how to run it.

FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv --without-pip /app
ARG LOCK=requirements.run.lock
COPY ${LOCK} requirements.txt
RUN pip --python /app/bin/python install --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
# setuptools is in the lock only for this build. Bytecode is compiled here, because the final file
# system is read-only.
RUN pip --python /app/bin/python install --no-deps --no-build-isolation . \
    && pip --python /app/bin/python uninstall --yes setuptools \
    && /app/bin/python -m compileall -q /app/lib

FROM python:3.12-slim
RUN groupadd --gid 10001 gateway \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin gateway \
    && install -d -o gateway -g gateway /data/var
COPY --from=build /app /app
COPY config/gateway.yaml /etc/video-gateway/gateway.yaml
# A container's listener must bind all addresses to be reachable. The operators' listener stays on
# loopback, for `docker exec`; set VIDEO_GATEWAY_ADMIN_LISTEN after you have configured admin.tokens.
ENV PATH=/app/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VIDEO_GATEWAY_CONFIG=/etc/video-gateway/gateway.yaml \
    VIDEO_GATEWAY_LISTEN=0.0.0.0:8080
WORKDIR /data
USER 10001:10001
VOLUME /data/var
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["video-gateway"]
CMD ["serve"]

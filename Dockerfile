# The connector as Airbyte runs it. `docker build -t airbyte/source-snov .` needs nothing but access to PyPI.

# The newest Python base image of Airbyte whose digest one of Airbyte's own sources states; metadata.yaml names it too.
ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6

FROM ${BASE_IMAGE} AS builder

# For builds behind a mirror of PyPI. They exist only in this stage, so the image does not record them.
# A mirror with a certificate of its own needs a base image that has it, and PIP_CERT saying where.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_CERT

USER root
WORKDIR /build

# An environment of its own, without pip: what the base image has installed for other purposes stays out of the way.
RUN python3 -m venv --without-pip /opt/source-snov

# Only wheels: nothing that is downloaded runs during the build.
#
# Byte-code is made here because the file system is read-only later. It is never compared with its source, because
# copying may change the source's time.
COPY requirements.txt ./
RUN python3 -m pip --python /opt/source-snov/bin/python --no-cache-dir install --no-compile \
        --require-hashes --no-deps --only-binary :all: --requirement requirements.txt \
    && rm -rf /opt/source-snov/lib/python3*/site-packages/pandas/tests \
    && /opt/source-snov/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/source-snov/lib

# What builds the package, pinned like the rest, in a folder that does not reach the image.
RUN printf '%s\n' \
        'hatchling==1.33.0 --hash=sha256:415290b84f464d2884303fca8974d38e7b85579069fab02a15db0828fbb1446d' \
        'packaging==26.3 --hash=sha256:d7193f7c8e4e93f444fde0262bf90af30e16fa0ad0ad44cb553c87339b23cd1c' \
        'pathspec==1.1.1 --hash=sha256:a00ce642f577bf7f473932318056212bc4f8bfdf53128c78bbd5af0b9b20b189' \
        'pluggy==1.7.0 --hash=sha256:7dd7b0d8832ba3cb632c306926ded123429211b83641b35dc5c41ad2d34f9bec' \
        'tomlkit==0.15.2 --hash=sha256:05562412163a3037b94497385fb7f9204c637bc605af7a48199e41cf2272f437' \
        'trove-classifiers==2026.9.21.13 --hash=sha256:8b1ff4f9c191b1040b71c37f1e445ab99732911e3cd91de52838453a854d7a17' \
        > build-requirements.txt \
    && python3 -m pip --python /opt/source-snov/bin/python --no-cache-dir install --no-compile \
        --require-hashes --no-deps --only-binary :all: --requirement build-requirements.txt --target /build/backend

COPY pyproject.toml README.md LICENSE ./
COPY source_snov source_snov
RUN PYTHONPATH=/build/backend python3 -m pip --python /opt/source-snov/bin/python --no-cache-dir install --no-compile \
        --no-index --no-deps --no-build-isolation --prefix /opt/package . \
    && /opt/source-snov/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        -s /opt/package -p /opt/source-snov /opt/package/lib


FROM ${BASE_IMAGE}

LABEL io.airbyte.name="airbyte/source-snov" \
      io.airbyte.version="0.1.0" \
      org.opencontainers.image.title="source-snov" \
      org.opencontainers.image.description="Airbyte source for campaigns and campaign statistics of Snov.io" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"

# Two layers, so that a new version with the same dependencies is a small one to push and pull.
COPY --from=builder /opt/source-snov /opt/source-snov
COPY --from=builder /opt/package /opt/source-snov

ENV PATH="/opt/source-snov/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AIRBYTE_ENTRYPOINT="source-snov"

WORKDIR /airbyte
USER airbyte
ENTRYPOINT ["source-snov"]

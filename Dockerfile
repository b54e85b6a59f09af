# The connector as Airbyte runs it. `docker build -t airbyte/source-snov .` needs the base image and access to PyPI.

# The newest Python base image of Airbyte whose digest one of Airbyte's own sources states; metadata.yaml names it too.
ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6

FROM ${BASE_IMAGE} AS builder

# For builds behind a mirror of PyPI. They exist only in this stage, so the image does not record them.
# A mirror with a certificate of its own needs a base image that has it, and PIP_CERT saying where.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_CERT

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

USER root
WORKDIR /build

# An environment of its own, without pip: what the base image has installed for other purposes stays out of the way.
RUN python3 -m venv --without-pip /opt/source-snov

# Only wheels: nothing that is downloaded runs during the build.
#
# All packages stay that the CDK asks for, those of its other uses too (pandas, NumPy, gRPC and more: over half of the size), so
# that the image has what it says it has. Their tests and type stubs go, and byte-code is made only of what the commands
# import. It is made here because the file system is read-only later, and never compared with its source, because
# copying may change the source's time.
COPY requirements.txt ./
RUN python3 -m pip --python /opt/source-snov/bin/python install --no-compile --report installed.json \
        --require-hashes --no-deps --only-binary :all: --requirement requirements.txt \
    && find /opt/source-snov/lib -type d -name tests -prune -exec rm -r {} + \
    && find /opt/source-snov/lib -name '*.pyi' -delete \
    && /opt/source-snov/bin/python -B -c "import sys, airbyte_cdk.entrypoint; \
        import airbyte_cdk.sources.declarative.yaml_declarative_source; \
        print(*{path for name, module in sys.modules.items() if '.' not in name \
            for path in [*getattr(module, '__path__', []), getattr(module, '__file__', None) or ''] \
            if path.startswith(sys.prefix) and not path.endswith('.so')}, sep='\n')" > imported.txt \
    && /opt/source-snov/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash -i imported.txt

# What builds the package, in a folder that does not reach the image; it is pinned among the development requirements.
COPY requirements-dev.txt ./
RUN sed -n -E '/^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/,/[^\\]$/p' requirements-dev.txt \
        > build-requirements.txt \
    && python3 -m pip --python /opt/source-snov/bin/python install --no-compile \
        --require-hashes --no-deps --only-binary :all: --requirement build-requirements.txt --target /build/backend

# The check at the end finds requirements that are missing or do not fit, as installing without dependencies does not.
COPY pyproject.toml README.md LICENSE ./
COPY source_snov source_snov
RUN PYTHONPATH=/build/backend python3 -m pip --python /opt/source-snov/bin/python install --no-compile \
        --no-index --no-deps --no-build-isolation --prefix /opt/package . \
    && /opt/source-snov/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        -s /opt/package -p /opt/source-snov /opt/package/lib \
    && PYTHONPATH="$(echo /opt/package/lib/python3*/site-packages)" \
        python3 -m pip --python /opt/source-snov/bin/python check


# A list of what is in the image. What makes and checks it stays in this stage.
FROM builder AS lister

COPY image/lister.txt ./
RUN python3 -m venv --without-pip /opt/lister \
    && python3 -m pip --python /opt/lister/bin/python install --no-compile \
        --require-hashes --no-deps --only-binary :all: --requirement lister.txt

# Checked only at the end, because the digests come last.
COPY image/add_digests.py image/validate_list.py ./
RUN /opt/lister/bin/cyclonedx-py environment --output-reproducible --no-validate --spec-version 1.6 \
        --pyproject pyproject.toml --output-file sbom.cdx.json /opt/source-snov/bin/python \
    && python3 add_digests.py installed.json sbom.cdx.json \
    && /opt/lister/bin/python validate_list.py sbom.cdx.json


# `docker build --target sbom --output DIR .` writes the list to a folder.
FROM scratch AS sbom

COPY --from=lister /build/sbom.cdx.json /


FROM ${BASE_IMAGE}

LABEL io.airbyte.name="airbyte/source-snov" \
      io.airbyte.version="0.4.0" \
      org.opencontainers.image.title="source-snov" \
      org.opencontainers.image.description="Airbyte source for campaigns and campaign statistics of Snov.io" \
      org.opencontainers.image.version="0.4.0" \
      org.opencontainers.image.licenses="MIT"

# Two layers, so that a new version with the same dependencies is a small one to push and pull.
COPY --from=builder /opt/source-snov /opt/source-snov
COPY --from=builder /opt/package /opt/source-snov
COPY --from=lister /build/sbom.cdx.json /usr/share/doc/source-snov/

ENV PATH="/opt/source-snov/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRBYTE_ENTRYPOINT="source-snov"

WORKDIR /airbyte
USER airbyte
ENTRYPOINT ["source-snov"]

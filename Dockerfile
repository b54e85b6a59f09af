# The connector as Airbyte runs it. `docker build -t airbyte/source-snov .` needs the base image and access to PyPI.

# Airbyte's newest Python base image whose digest one of Airbyte's own sources states. metadata.yaml must match.
ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6

FROM ${BASE_IMAGE} AS builder

# For builds behind a PyPI mirror. They exist only in this stage, so the image does not record them. If the mirror has a
# custom certificate, add it to the base image, and set PIP_CERT to its path.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_CERT

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

USER root
WORKDIR /build

# A separate environment without pip, so that the base image's own packages cannot interfere.
RUN python3 -m venv --without-pip /opt/source-snov

# Only wheels, so that the build runs no downloaded code.
#
# All dependencies of the CDK stay, even unused ones (pandas, NumPy, gRPC and more: over half of the size), so that the
# installed packages match their metadata. Bytecode is compiled here because the file system is read-only later, only
# for modules that the commands import, and with unchecked hashes because copying may change the sources' timestamps.
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

# The build backend, pinned in the development requirements, in a folder that is not copied into the image.
COPY requirements-dev.txt ./
RUN sed -n -E '/^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/,/[^\\]$/p' requirements-dev.txt \
        > build-requirements.txt \
    && python3 -m pip --python /opt/source-snov/bin/python install --no-compile \
        --require-hashes --no-deps --only-binary :all: --requirement build-requirements.txt --target /build/backend

# `pip check`, because installation without dependencies does not detect missing or conflicting requirements.
COPY pyproject.toml README.md LICENSE ./
COPY source_snov source_snov
RUN PYTHONPATH=/build/backend python3 -m pip --python /opt/source-snov/bin/python install --no-compile \
        --no-index --no-deps --no-build-isolation --prefix /opt/package . \
    && /opt/source-snov/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        -s /opt/package -p /opt/source-snov /opt/package/lib \
    && PYTHONPATH="$(echo /opt/package/lib/python3*/site-packages)" \
        python3 -m pip --python /opt/source-snov/bin/python check


# The image's software bill of materials. The tools that create and check it stay in this stage.
FROM builder AS lister

COPY image/lister.txt ./
RUN python3 -m venv --without-pip /opt/lister \
    && python3 -m pip --python /opt/lister/bin/python install --no-compile \
        --require-hashes --no-deps --only-binary :all: --requirement lister.txt

# Validated at the end, because the digests are added last.
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
      io.airbyte.version="0.5.0" \
      org.opencontainers.image.title="source-snov" \
      org.opencontainers.image.description="Airbyte source for Snov.io: campaigns, analytics, events, replies, senders, warm-ups and prospect lists" \
      org.opencontainers.image.version="0.5.0" \
      org.opencontainers.image.licenses="MIT"

# Two layers, so that a new version with the same dependencies is small to push and pull.
COPY --from=builder /opt/source-snov /opt/source-snov
COPY --from=builder /opt/package /opt/source-snov
COPY --from=lister /build/sbom.cdx.json /usr/share/doc/source-snov/

# One malloc arena: with one per thread, large pages fragment up to 400 MB of memory.
ENV PATH="/opt/source-snov/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=1 \
    AIRBYTE_ENTRYPOINT="source-snov"

WORKDIR /airbyte
USER airbyte
ENTRYPOINT ["source-snov"]

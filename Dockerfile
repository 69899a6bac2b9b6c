# An image with `advisor`, torch for the CPU and timm:
#   docker build -t timm-advisor .
#   docker run --rm timm-advisor make demo
#   docker run --rm -v "$PWD/photos:/photos:ro" timm-advisor advisor suggest --dataset /photos --model resnet50
FROM python:3.12-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libgomp1 make \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home advisor
USER advisor
WORKDIR /home/advisor/timm-advisor
COPY --chown=advisor . .
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu PIP_NO_CACHE_DIR=1
RUN make .venv/.installed-timm
ENV PATH=/home/advisor/timm-advisor/.venv/bin:$PATH
CMD ["advisor", "--help"]

# syntax=docker/dockerfile:1
# SPDX-License-Identifier: Apache-2.0
# For those who build with Docker; `zoetrope containerize` makes a smaller image without it.
#   docker build -t zoetrope .
#   docker run --rm -p 3000:3000 -e ZOETROPE_OPEN=true zoetrope
# This serves the demonstration model; for another add -v /path/to/checkpoint:/model:ro -e ZOETROPE_MODEL=/model
FROM swift:6.2-bookworm AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends libdnnl-dev libsqlite3-dev libvips-dev pkg-config zlib1g-dev
WORKDIR /source
# An ffmpeg without the two hundred libraries that Debian's has; first, as it changes least.
COPY Tools/setup.sh Tools/ffmpeg.sh Tools/
RUN Tools/ffmpeg.sh
COPY . .
# What `zoetrope --version` says, as with --build-arg ZOETROPE_COMMIT=$(git rev-parse HEAD)
ARG ZOETROPE_COMMIT
ARG SOURCE_DATE_EPOCH
RUN swift build -c release --product zoetrope --static-swift-stdlib \
  && swift build -c release --product zoetrope-picture --static-swift-stdlib \
  && install -D -s -t /out "$(swift build -c release --show-bin-path)/zoetrope" \
    "$(swift build -c release --show-bin-path)/zoetrope-picture"

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends \
    ca-certificates libdnnl2 libsqlite3-0 libvips42 libvpx7 libwebpmux3 libx264-164 \
  && rm -rf /var/lib/apt/lists/* && install -d -o 65532 -g 65532 /var/lib/zoetrope
COPY --from=build /source/.build/ffmpeg/ /usr/local/lib/zoetrope/ffmpeg/
RUN ln -s ../lib/zoetrope/ffmpeg/ffmpeg /usr/local/bin/ffmpeg
COPY --from=build /out/ /usr/local/bin/
COPY Models/demo/ /usr/local/share/zoetrope/models/demo/
ENV ZOETROPE_HOST=0.0.0.0 ZOETROPE_STORE=/var/lib/zoetrope XDG_CACHE_HOME=/tmp
VOLUME /var/lib/zoetrope
EXPOSE 3000
USER 65532:65532
HEALTHCHECK --start-period=10s CMD ["zoetrope", "health"]
ENTRYPOINT ["zoetrope"]
CMD ["serve"]

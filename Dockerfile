# Purser as a static binary in an image of its own. An app's image takes the binary from it:
#
#   COPY --from=purser /purser /usr/local/bin/purser
#
# Purser is safe as process 1: it collects processes that ended, passes TERM on, and exits with 0 once
# all requests are answered. A version: docker build --build-arg VERSION=1.2.3 -t purser .

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=0.1.0-dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X main.release=$VERSION" -o /image/purser ./cmd/purser
# What a program needs to run as nobody in an image without anything else: a name for its user, and a
# folder that it may write to.
RUN mkdir -p /image/etc && mkdir -m 1777 /image/tmp \
 && echo 'purser:x:65532:65532::/tmp:/purser' > /image/etc/passwd \
 && echo 'purser:x:65532:' > /image/etc/group

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
EXPOSE 3000
STOPSIGNAL SIGTERM
# The running purser is asked over its admin socket; 1 = an app does not serve, or no answer.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/purser", "health"]
ENTRYPOINT ["/purser"]
CMD ["demo"]

# The same image builds and runs: give a digest or a mirror with --build-arg NODE_IMAGE=...
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY scripts/ scripts/
COPY src/ src/
RUN npm run bundle

FROM ${NODE_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Countersign" \
      org.opencontainers.image.description="Self-hosted SMS verification over gRPC and Connect" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The bundle needs node alone: package managers would only be something to attack or to patch.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn*
ENV NODE_ENV=production
WORKDIR /app
# Owned by root and never written to: the service runs with a read-only root file system.
COPY LICENSE ./
COPY --from=build /build/dist/ ./
# Numeric, so that Kubernetes can see that it is not root.
USER 65532:65532
# gRPC, Connect and JSON, operations; delivery reports, where CALLBACK_PUBLIC_URL is set
EXPOSE 50051 8080 9090 8090
# DEP0169: Tencent's SDK takes its URLs apart with url.parse(), after the URL of today has checked them.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "--disable-warning=DEP0169", "--max-old-space-size-percentage=40", "--v8-pool-size=1", "/app/countersign.mjs", "healthcheck"]
# The heap gets 40 % of the container's memory: the rest is for code, buffers of connections and the thread of the probes.
# One thread helps V8 with its garbage: four of them take turns with the service on the one or two cores that it has.
ENTRYPOINT ["node", "--disable-warning=DEP0169", "--max-old-space-size-percentage=40", "--v8-pool-size=1", "/app/countersign.mjs"]
CMD ["serve"]

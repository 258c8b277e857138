#!/bin/sh
# Fails, with the difference, when `npm run generate` changes a generated file; the file is up to date afterwards. What is
# compared are two snapshots of those files in an index of its own: other edits of a working tree do not matter.
set -eu
GIT_INDEX_FILE=$(mktemp)
export GIT_INDEX_FILE
trap 'rm -f "$GIT_INDEX_FILE"' EXIT

snapshot() {
  rm -f "$GIT_INDEX_FILE"
  git add --all -- src/gen docs/configuration.md helm/countersign/values.schema.json docs/benchmarks.md docs/capacity.md
  git write-tree
}

before=$(snapshot)
npm run --silent generate
git diff --exit-code "$before" "$(snapshot)"

#!/usr/bin/env bash
# Makes local/lambda-python:3.13, the base of the functions' images where AWS's own cannot be pulled: Debian with Python.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "$(docker image ls --quiet local/debian-python:trixie)" = "" ]; then
  if ! command -v debootstrap > /dev/null || [ "$(id -u)" != 0 ]; then
    echo "The offline base needs debootstrap (a Debian package) and root." >&2
    exit 1
  fi
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  debootstrap --variant=minbase --include=python3,python3-pip,ca-certificates trixie "$root" > "$root.log" \
    || { tail -3 "$root.log" >&2; exit 1; }
  rm -rf "$root.log" "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" -c . | docker import - local/debian-python:trixie > /dev/null
fi
context=$(mktemp -d)
trap 'rm -rf "$context" "${root:-$context}"' EXIT
cp localstack/lambda-base/{Dockerfile,bootstrap,lambda-entrypoint.sh} requirements/runtime.txt "$context"
cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$context/ca-certificates.crt"
cp .venvs/sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-"$(uname -m | sed s/aarch64/arm64/)" "$context/aws-lambda-rie"
docker build --quiet --tag local/lambda-python:3.13 "$context" > /dev/null

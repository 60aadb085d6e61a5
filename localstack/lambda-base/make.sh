#!/usr/bin/env bash
# Makes local/lambda-python:3.13, the base of the functions' images where AWS's own cannot be pulled: Debian with Python,
# and with Lambda's emulator, which is the first argument.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ "$(docker image ls --quiet local/debian-python:trixie)" = "" ]; then
  if ! command -v debootstrap > /dev/null || [ "$(id -u)" != 0 ]; then
    echo "The offline base needs debootstrap (a Debian package) and root." >&2
    exit 1
  fi
  debootstrap --variant=minbase --include=python3,python3-pip,ca-certificates trixie "$work/root" > "$work/log" \
    || { tail -3 "$work/log" >&2; exit 1; }
  rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
  tar -C "$work/root" -c . | docker import - local/debian-python:trixie > /dev/null
fi
mkdir "$work/context"
cp localstack/lambda-base/{Dockerfile,bootstrap,lambda-entrypoint.sh} requirements/runtime.txt "$work/context"
cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$work/context/ca-certificates.crt"
cp "$1" "$work/context/aws-lambda-rie"
docker build --quiet --tag local/lambda-python:3.13 "$work/context" > /dev/null

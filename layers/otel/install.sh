#!/bin/sh
# install.sh off|otlp|aws TARGET: puts the collector with one of the configurations beside this file into TARGET, the
# /opt of an image, where Lambda starts it as an extension. Images cannot have layers, so it has to be in them.
set -eu
here=$(dirname "$0")
mkdir -p "$2"
[ "$1" = off ] && exit
if [ ! -x "$here/extension/extensions/collector" ]; then
  echo "There is no collector in layers/otel/extension; make deploy fetches it." >&2
  exit 1
fi
cp -R "$here/extension/." "$2"
mkdir -p "$2/collector-config"
cp "$here/collector-$1.yaml" "$2/collector-config/config.yaml"

#!/bin/sh
# Fetches smithy's protocol vectors as botocore's source distribution carries them, and the parsers
# that the tests read our answers with. They are kept in .cache/ and never committed.
#
# usage: tools/fetch_protocol_vectors.sh        (needs python3 with pip, and the network)
set -eu
cd "$(dirname "$0")/.."
folder=.cache/protocol-vectors
[ -e "$folder/complete" ] && exit 0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
/usr/bin/python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" download -qq --retries 0 --no-binary :all: --no-deps -d "$scratch" botocore
rm -rf "$folder"
mkdir -p "$folder"
tar -xzf "$scratch"/botocore-*.tar.gz -C "$folder" --strip-components=1 --wildcards \
    '*/tests/unit/protocols/input/*' '*/tests/unit/protocols/output/*' '*/botocore/*.py' \
    '*/botocore/vendored' '*/botocore/retries' '*/botocore/docs' '*/botocore/crt'
touch "$folder/complete"

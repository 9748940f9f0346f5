#!/usr/bin/env bash
# Test on several processes of one or more machines.
# usage: tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of tools/test.py]
# NNODES, NODE_RANK, MASTER_ADDR and PORT, from the environment, describe the machines if there are several.
set -euo pipefail
if [ $# -lt 3 ]; then sed -n '3s/^# //p' "$0" >&2; exit 2; fi
config=$1 checkpoint=$2 processes=$3
tools=$(dirname "$0")

exec "${PYTHON:-python}" -m handkd.launching \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" --nproc-per-node "$processes" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}" \
    "$tools/test.py" "$config" "$checkpoint" --launcher pytorch "${@:4}"

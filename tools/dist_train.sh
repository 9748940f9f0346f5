#!/usr/bin/env bash
# Train on several processes of one or more machines.
# usage: tools/dist_train.sh CONFIG PROCESSES [options of tools/train.py]
# NNODES, NODE_RANK, MASTER_ADDR and PORT, from the environment, describe the machines if there are several.
set -euo pipefail
if [ $# -lt 2 ]; then sed -n '3s/^# //p' "$0" >&2; exit 2; fi
config=$1 processes=$2
tools=$(dirname "$0")

HANDKD_COMMAND=$(printf '%q ' "$0" "$@") # printed by an interrupted run as the command to resume
export HANDKD_COMMAND
# torchrun passes these signals on to its processes, and gives them this many seconds to save.
export PET_SIGNALS_TO_HANDLE=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1 PET_SHUTDOWN_TIMEOUT=${PET_SHUTDOWN_TIMEOUT:-120}
exec "${PYTHON:-python}" -m handkd.launching \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" --nproc-per-node "$processes" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}" \
    "$tools/train.py" "$config" --launcher pytorch "${@:3}"

#!/usr/bin/env bash
# Test under Slurm, one process per GPU.
# usage: tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]
# GPUS (in all), GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS, from the environment, describe the job.
set -euo pipefail
if [ $# -lt 4 ]; then sed -n '3s/^# //p' "$0" >&2; exit 2; fi
partition=$1 job=$2 config=$3 checkpoint=$4
tools=$(dirname "$0")
gpus=${GPUS:-8} per_node=${GPUS_PER_NODE:-8}
if [ "$gpus" -lt "$per_node" ]; then per_node=$gpus; fi

# SRUN_ARGS holds several words on purpose.
# shellcheck disable=SC2086
exec srun -p "$partition" --job-name "$job" --gres "gpu:$per_node" --ntasks "$gpus" --ntasks-per-node "$per_node" \
    --cpus-per-task "${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$tools/test.py" "$config" "$checkpoint" --launcher slurm "${@:5}"

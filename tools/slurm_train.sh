#!/usr/bin/env bash
# Train under Slurm, one process per GPU.
# usage: tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of tools/train.py]
# GPUS (in all), GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS, from the environment, describe the job. Slurm sends the run
# SIGNAL (USR1@120: 120 seconds ahead of the time limit); it saves a checkpoint and ends with status 75. A batch job
# is then requeued, and resumes when it starts again.
set -euo pipefail
if [ $# -lt 4 ]; then sed -n '3s/^# //p' "$0" >&2; exit 2; fi
partition=$1 job=$2 config=$3 work_dir=$4
tools=$(dirname "$0")
gpus=${GPUS:-8} per_node=${GPUS_PER_NODE:-8}
if [ "$gpus" -lt "$per_node" ]; then per_node=$gpus; fi
HANDKD_COMMAND=$(printf '%q ' "$0" "$@") # printed by an interrupted run as the command to resume
export HANDKD_COMMAND
options=("${@:5}")
if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then options+=(--resume); fi

# SRUN_ARGS holds several words on purpose.
# shellcheck disable=SC2206
command=(srun -p "$partition" --job-name "$job" --gres "gpu:$per_node" --ntasks "$gpus" --ntasks-per-node "$per_node"
    --cpus-per-task "${CPUS_PER_TASK:-5}" --signal "${SIGNAL:-USR1@120}" --kill-on-bad-exit=1 ${SRUN_ARGS:-}
    "${PYTHON:-python}" -u "$tools/train.py" "$config" --work-dir "$work_dir" --launcher slurm "${options[@]}")
if [ -z "${SLURM_JOB_ID:-}" ]; then exec "${command[@]}"; fi
"${command[@]}" && status=0 || status=$?
if [ "$status" -eq 75 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$status"

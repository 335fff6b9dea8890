#!/bin/bash
# Trains a team on the nodes of a Slurm job, with one Ray node per Slurm node; docs/cluster.md describes how it was
# tested. Submit it from the folder of troupe. This folder, the team file and the run need equal paths on all nodes:
#
#   sbatch recipes/cluster/slurm.sh team.yaml /shared/runs/team-1 --ray.gpus_per_agent 1
#
# Further arguments are passed to "troupe train". TROUPE_PYTHON is a Python with requirements.txt and requirements-ray.txt
# of python/troupe_worker; default: .venv/bin/python. Five minutes before its time limit, and after a node has failed, the
# job is requeued and resumes from its last checkpoint.
#SBATCH --job-name=troupe
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --mem=64G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
set -euo pipefail

usage='usage: sbatch recipes/cluster/slurm.sh TEAM.yaml RUN [options of "troupe train"]'
: "${SLURM_JOB_ID:?$usage}"
team=${1:?$usage}
run=${2:?$usage}
shift 2
# Slurm runs a copy of this file, so its path does not contain the folder of troupe
troupe=${TROUPE:-$SLURM_SUBMIT_DIR}
export TROUPE_PYTHON=${TROUPE_PYTHON:-$troupe/.venv/bin/python}
[[ -x $troupe/recipes/cluster/train.sh ]] || { echo "no troupe in $troupe; submit from its folder, or set TROUPE" >&2 && exit 2; }
"$TROUPE_PYTHON" -c 'import ray, torch' || { echo "no Ray or PyTorch in $TROUPE_PYTHON; set TROUPE_PYTHON" >&2 && exit 2; }

# ports, folders and the token are unique to this job, because other jobs may share its nodes
head=$("$TROUPE_PYTHON" -c 'import ray.util; print(ray.util.get_node_ip_address())')
port=$((20000 + SLURM_JOB_ID % 10000))
token=$("$TROUPE_PYTHON" -c 'import secrets; print(secrets.token_hex(32))')
export head port RAY_AUTH_MODE=token RAY_AUTH_TOKEN="$token" RAY_USAGE_STATS_ENABLED=0
export SLURM_EXPORT_ENV=ALL # for the steps of a job that was submitted with --export=NONE

# Runs on every node by srun. Starts Ray, and restarts it after a crash; troupe waits for it (ray.wait_seconds).
# shellcheck disable=SC2317
ray_node() {
  local folder="/tmp/ray-$SLURM_JOB_ID-$SLURM_NODEID" ray where=(--address="$head:$port")
  if ((SLURM_NODEID == 0)); then
    where=(--head --node-ip-address="$head" --port="$port" --include-dashboard=false)
  fi
  # Ray gets the signal too and may hang; its remaining processes end with the step
  trap 'timeout 15 tail --pid="$ray" -f /dev/null; rm -rf "$folder"; exit 0' TERM
  while true; do
    "$TROUPE_PYTHON" -m ray.scripts.scripts start "${where[@]}" --block --temp-dir="$folder" \
      --num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="${SLURM_GPUS_ON_NODE:-0}" \
      --object-store-memory=$((1 << 30)) &
    ray=$!
    wait "$ray" || true
    echo "Ray ended on $(hostname); starting it again"
    sleep 5
  done
}

srun --ntasks-per-node=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" --kill-on-bad-exit=0 \
  --output="slurm-$SLURM_JOB_ID-ray-%n.out" --open-mode=append bash -c "$(declare -f ray_node); ray_node" &
cluster=$!

all_nodes() {
  "$TROUPE_PYTHON" - "$head:$port" "$SLURM_JOB_NUM_NODES" <<'PY'
import sys, time
from ray._raylet import GcsClient
address, nodes, deadline = sys.argv[1], int(sys.argv[2]), time.monotonic() + 600
joined, why = 0, ""
while joined < nodes:
    if time.monotonic() > deadline:
        sys.exit(f"{joined} of {nodes} Ray nodes after ten minutes; see slurm-*-ray-*.out {why}")
    try:
        found = GcsClient(address=address).get_all_node_info(timeout=10)
        joined = sum(node.state == 0 for node in found.values())
    except Exception as error:  # the head is not running yet
        why = f"({error})"
    time.sleep(1)
print(f"Ray on {joined} nodes at {address}", flush=True)
PY
}

train() {
  "$troupe/recipes/cluster/train.sh" "$team" "$run" --engine.kind ray --ray.address "$head:$port" --ray.shared_files true "$@" &
  training=$!
  status=0
  wait "$training" || status=$?
  # the signal below may have interrupted the wait; Slurm ends this job next
  while kill -0 "$training" 2>/dev/null; do wait "$training" || status=$?; done
}

trap 'echo "time limit is near: requeued"; scontrol requeue "$SLURM_JOB_ID"' USR1
# troupe resumes by itself after the loss of a worker; after the loss of the head it must be started again
for attempt in 1 2 3; do
  all_nodes
  train "$@"
  ((status == 1 && attempt < 3)) || break
  echo "the training failed; resuming it"
done

# gives the nodes time to delete their folders; Slurm ends all remaining processes with the job
scancel --signal=TERM "$SLURM_JOB_ID.0" || true
timeout 30 tail --pid="$cluster" -f /dev/null || true
exit "$status"

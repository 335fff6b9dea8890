#!/bin/bash
# Trains a team, or resumes its run if it exists; for jobs that may be restarted.
#
#   recipes/cluster/train.sh TEAM.yaml RUN [options of "troupe train"]
set -euo pipefail
usage='usage: recipes/cluster/train.sh TEAM.yaml RUN [options of "troupe train"]'
team=${1:?$usage}
run=${2:?$usage}
shift 2
what=("$team" --run "$run")
[[ -e $run/config.yaml ]] && what=(--resume "$run") # the last file that a new run writes
exec node "$(dirname "$(readlink -f "$0")")/../../bin/troupe.mjs" train "${what[@]}" "$@"

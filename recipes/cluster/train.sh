#!/bin/bash
# Trains a team, or goes on where its run is: for jobs that may be started again.
#
#   recipes/cluster/train.sh TEAM.yaml RUN [options of "troupe train"]
set -euo pipefail
usage='usage: recipes/cluster/train.sh TEAM.yaml RUN [options of "troupe train"]'
team=${1:?$usage}
run=${2:?$usage}
shift 2
what=("$team" --run "$run")
[[ -e $run/config.yaml ]] && what=(--resume "$run") # the last thing a new run writes
exec node "$(dirname "$(readlink -f "$0")")/../../bin/troupe.mjs" train "${what[@]}" "$@"

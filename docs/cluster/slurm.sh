#!/bin/bash
# Six runs of intformer prune-data as a job array, one a task: sbatch docs/cluster/slurm.sh
#SBATCH --job-name=hscore
#SBATCH --array=0-5
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=hscore-%a.log

# A task that is cut off and put back into the queue goes on where it was; one whose run is there is done at once.
set -eu

# Seen by all nodes: the encoder, the data, the runs.
: "${ENCODER:=encoder}" "${DATA:=questions}" "${RUNS:=runs}"

export RAYON_NUM_THREADS="${SLURM_CPUS_PER_TASK:-4}"
exec intformer prune-data run --seeds "$SLURM_ARRAY_TASK_ID" --from "$ENCODER" --data "$DATA" --out "$RUNS" --plain

# shellcheck shell=bash
# A SLURM cluster of four nodes on this machine: sourced, then cluster_start FOLDER ... cluster_stop. Needs the
# Debian packages slurmctld, slurmd, slurm-client and munge (scripts/setup --dev); no system service is
# touched: keys, sockets, states and logs lie in the folder, ports are on the loopback interface. Everything ends
# with the script, or by itself after CLUSTER_MINUTES (20).

cluster_pids=()

# Start a daemon in the foreground mode it has, so that its process is ours.
cluster_daemon() { # LOG COMMAND...
  local log=$1
  shift
  "$@" >>"$log" 2>&1 &
  cluster_pids+=($!)
}

cluster_start() { # FOLDER
  local folder host user base n
  mkdir -p "$1"
  folder=$(cd "$1" && pwd)
  host=$(hostname -s)
  user=$(id -un)
  base=$((20000 + RANDOM % 10000))
  mkdir -p "$folder"/{state,spool,log,munge}
  chmod 700 "$folder/munge"
  dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
  chmod 400 "$folder/munge/key"
  cat >"$folder/slurm.conf" <<END
ClusterName=tame
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$base
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld
SlurmdLogFile=$folder/log/slurmd.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=bf_interval=1,sched_min_interval=0,batch_sched_delay=0,sched_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=10
InactiveLimit=0
MinJobAge=3600
SlurmdParameters=config_overrides
TmpFS=$folder/tmp/%n
END
  for n in 1 2 3 4; do
    mkdir -p "$folder/spool/n$n" "$folder/tmp/n$n"
    echo "NodeName=n$n NodeHostname=$host NodeAddr=127.0.0.1 Port=$((base + n)) CPUs=2 State=UNKNOWN" \
      >>"$folder/slurm.conf"
  done
  cat >>"$folder/slurm.conf" <<END
PartitionName=low Nodes=n[1-4] Default=YES MaxTime=60 PriorityTier=1 PreemptMode=REQUEUE State=UP
PartitionName=high Nodes=n[1-4] MaxTime=60 PriorityTier=10 PreemptMode=OFF State=UP
END
  export SLURM_CONF=$folder/slurm.conf
  cluster_daemon "$folder/log/munged" munged --foreground --force --key-file="$folder/munge/key" \
    --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" --log-file="$folder/log/munged" \
    --seed-file="$folder/munge/seed"
  for n in $(seq 50); do
    if [ -S "$folder/munge/socket" ]; then break; fi
    sleep 0.1
  done
  cluster_daemon "$folder/log/ctld" slurmctld -D -i
  for n in 1 2 3 4; do cluster_daemon "$folder/log/d$n" slurmd -D -N "n$n"; done
  # a watchdog of its own, should this script be killed
  # shellcheck disable=SC2016
  setsid bash -c 'sleep "$1"; shift; kill "$@" 2>/dev/null' - \
    "$((60 * ${CLUSTER_MINUTES:-20}))" "${cluster_pids[@]}" >/dev/null 2>&1 &
  cluster_pids+=($!)
  for n in $(seq 100); do
    if [ "$(sinfo -h -p low -t idle -o %D 2>/dev/null)" = 4 ]; then return; fi
    sleep 0.2
  done
  echo "the cluster does not come up:" >&2
  sinfo >&2
  tail -n 5 "$folder"/log/* >&2
  return 1
}

cluster_stop() {
  scancel --full --signal=KILL -u "$(id -un)" 2>/dev/null
  sleep 0.5
  local k
  for ((k = ${#cluster_pids[@]} - 1; k >= 0; k--)); do kill "${cluster_pids[$k]}" 2>/dev/null; done
  for ((k = ${#cluster_pids[@]} - 1; k >= 0; k--)); do
    for _ in $(seq 50); do
      kill -0 "${cluster_pids[$k]}" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "${cluster_pids[$k]}" 2>/dev/null
  done
  cluster_pids=()
}

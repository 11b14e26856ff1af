#!/usr/bin/env bash
# supervise.sh UNIT PIDFILE COMMAND...: runs a command and starts it again when it ended, as systemd does by the
# settings Restart= and RestartPreventExitStatus= of a unit. Ends as the last run did.
set -uo pipefail
unit=$1 pidfile=$2
shift 2

setting() { sed -n "s/^$1=//p" "$unit" | tail -n 1; }
restart=$(setting Restart)
if [[ $restart != on-failure ]]; then
    echo "supervise.sh: $unit says Restart=$restart, and this knows on-failure" >&2
    exit 64
fi
prevented=" $(setting RestartPreventExitStatus) "

while true; do
    "$@" &
    pid=$!
    echo "$pid" >"$pidfile.tmp" && mv "$pidfile.tmp" "$pidfile"
    wait "$pid" 2>/dev/null
    status=$?
    case $status in
        0 | 129 | 130 | 141 | 143) exit 0 ;; # what systemd takes for a clean end: 0, SIGHUP, SIGINT, SIGPIPE, SIGTERM
    esac
    if [[ $prevented == *" $status "* ]]; then exit "$status"; fi
done

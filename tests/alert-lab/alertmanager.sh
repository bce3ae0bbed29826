#!/usr/bin/env bash
# Debian's Prometheus Alertmanager below target/tools, without being root: prints the path of what starts it.
# usage: tests/alert-lab/alertmanager.sh    ALERTMANAGER=path is printed as it is
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=0.25
if [[ -n ${ALERTMANAGER:-} ]]; then
    binary=$ALERTMANAGER
else
    home=$PWD/target/tools/alertmanager-$version
    binary=$home/alertmanager
    if [[ ! -x $binary ]]; then
        command -v apt-get dpkg >/dev/null || {
            echo "alertmanager.sh needs apt-get and dpkg: install Alertmanager $version, and name its binary in ALERTMANAGER" >&2
            exit 1
        }
        rm -rf "$home"
        mkdir -p "$home"
        (cd "$home" && apt-get download prometheus-alertmanager >&2) || {
            echo "the package prometheus-alertmanager cannot be downloaded: run 'apt-get update' as root and try again" >&2
            exit 1
        }
        dpkg -x "$home"/prometheus-alertmanager_*.deb "$home"
        rm "$home"/prometheus-alertmanager_*.deb
        # Debian's build reads its default template from a fixed folder, where only root can put it. A relative path of the
        # same length leads to the one beside it; nothing else of the binary changes.
        fixed=/usr/share/prometheus/alertmanager
        relative=$(printf './%.0s' {1..17})
        LC_ALL=C sed -i "s|$fixed|$relative|g" "$home/usr/bin/prometheus-alertmanager"
        cat >"$binary" <<'START'
#!/bin/sh
home=$(dirname "$0")
cd "$home/usr/share/prometheus/alertmanager" && exec "$home/usr/bin/prometheus-alertmanager" "$@"
START
        chmod +x "$binary"
    fi
fi
"$binary" --version 2>&1 | grep -q "version $version\." || {
    echo "$binary is not Alertmanager $version, with which the table was made" >&2
    exit 1
}
echo "$binary"

# shellcheck shell=bash
# Sourced by infra/check and tests/run: tools in target/tools, installed once and again when their versions change.

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/target/tools
mkdir -p "$tools"

# python_tools <name> <requirements>: a virtual environment.
python_tools() {
    local home=$tools/$1 wanted=$2
    cmp -s "$wanted" "$home/requirements.txt" && return
    echo "install $(paste -sd ' ' "$wanted")"
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$home/requirements.txt"
}

# node_tool <package> <version>
node_tool() {
    local home=$tools/$1-$2
    [[ -e $home/installed ]] && return
    echo "install $1 $2"
    npm install --silent --no-audit --no-fund --prefix "$home" "$1@$2"
    touch "$home/installed"
}

# cargo_tool <crate> <version>: built without optimisation, which takes a fifth of the time and is fast enough.
cargo_tool() {
    local home=$tools/$1-$2
    [[ -e $home/bin/$1 ]] && return
    echo "install $1 $2"
    (
        cd "$tools" || exit
        CARGO_TARGET_DIR=$home/build CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
            nice cargo install --quiet --locked --root "$home" "$1@$2"
    )
    rm -rf "$home/build"
}

# passes <title> <command...>: one line when it passes, its output when it does not. Counts in $passed and $failed.
passed=0
failed=0
passes() {
    local title=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok      $title"
        passed=$((passed + 1))
    else
        echo "FAILED  $title"
        printf '%s\n' "$output"
        failed=$((failed + 1))
    fi
}

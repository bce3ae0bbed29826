"""Prints the commands of a CodeBuild buildspec as one bash script, and refuses keys that CodeBuild would not read.

usage: buildspec.py <buildspec>

The keys are those of the buildspec reference, version 0.2 (https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html).
"""

import pathlib
import sys

from samcli.yamlhelper import yaml_parse

TOP = {"version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"}
PHASES = ["install", "pre_build", "build", "post_build"]
OF_A_PHASE = {"run-as", "on-failure", "runtime-versions", "commands", "finally"}


def main(path):
    """Fails with one sentence on the first thing that is wrong."""
    spec = yaml_parse(pathlib.Path(path).read_text(encoding="utf-8"))
    if str(spec.get("version")) != "0.2" or spec.get("env", {}).get("shell") != "bash":
        sys.exit("it has to be of version 0.2, whose commands share a shell, and that shell has to be bash")
    unknown = set(spec) - TOP | set(spec["phases"]) - set(PHASES)
    for phase in spec["phases"].values():
        unknown |= set(phase) - OF_A_PHASE
    if unknown:
        sys.exit(f"CodeBuild knows no {sorted(unknown)}")
    commands = [command for name in PHASES for command in spec["phases"].get(name, {}).get("commands", [])]
    if not all(isinstance(command, str) for command in commands):
        sys.exit("a command is no text: quote it")
    print("#!/usr/bin/env bash", *commands, sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Checks that rollout.asl.json and template.yaml fit each other, which no validator sees.

usage: check_machine.py
"""

import json
import pathlib
import re
import sys

from samcli.yamlhelper import yaml_parse


def main():
    """Fails with one sentence on the first thing that is wrong."""
    text = pathlib.Path("rollout.asl.json").read_text(encoding="utf-8")
    template = yaml_parse(pathlib.Path("template.yaml").read_text(encoding="utf-8"))
    resources = template["Resources"]
    given = resources["RolloutStateMachine"]["Properties"]["DefinitionSubstitutions"]
    wanted = set(re.findall(r"\$\{(\w+)\}", text))
    if set(given) != wanted:
        sys.exit(f"template.yaml substitutes {sorted(given)}, rollout.asl.json wants {sorted(wanted)}")

    for name, state in json.loads(text)["States"].items():
        if state["Type"] != "Task":
            continue
        reference = given[state["Resource"].strip("${}")]["Ref"]
        function, _, kind = reference.partition(".")
        if kind != "Version":
            sys.exit(f"{name}: {reference} is not a pinned version")
        own = resources[function]["Properties"].get("Timeout", template["Globals"]["Function"]["Timeout"])
        if state["TimeoutSeconds"] <= own:
            sys.exit(f"{name}: TimeoutSeconds {state['TimeoutSeconds']} must be over the function's own {own}")


if __name__ == "__main__":
    main()

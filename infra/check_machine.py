"""Checks that the state machines and template.yaml fit each other, which no validator sees.

usage: check_machine.py
"""

import json
import pathlib
import re
import sys

from samcli.yamlhelper import yaml_parse


MACHINES = {"rollout.asl.json": "RolloutStateMachine", "alert-timer.asl.json": "AlertTimer"}


def check(definition, machine, template):
    """Fails with one sentence on the first thing that is wrong with one machine."""
    text = pathlib.Path(definition).read_text(encoding="utf-8")
    resources = template["Resources"]
    properties = resources[machine]["Properties"]
    if properties["DefinitionUri"] != definition:
        sys.exit(f"{machine} runs {properties['DefinitionUri']}, not {definition}")
    given = properties["DefinitionSubstitutions"]
    wanted = set(re.findall(r"\$\{(\w+)\}", text))
    if set(given) != wanted:
        sys.exit(f"template.yaml substitutes {sorted(given)}, {definition} wants {sorted(wanted)}")

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


def main():
    """Checks every machine, and that there is no other one."""
    found = {path.name for path in pathlib.Path().glob("*.asl.json")}
    if found != set(MACHINES):
        sys.exit(f"{sorted(found ^ set(MACHINES))}: every machine has to be in MACHINES, and every one in it a file")
    template = yaml_parse(pathlib.Path("template.yaml").read_text(encoding="utf-8"))
    for definition, machine in MACHINES.items():
        check(definition, machine, template)


if __name__ == "__main__":
    main()

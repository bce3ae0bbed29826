"""Checks one environment of samconfig.toml: its parameters are the template's, allowed, and name that environment.

usage: check_samconfig.py <environment>
"""

import pathlib
import sys
import tomllib

from samcli.yamlhelper import yaml_parse


def pairs(text):
    """`a=1 b=2` as a dictionary."""
    return dict(pair.split("=", 1) for pair in text.split())


def main(environment):
    """Fails with one sentence on the first thing that is wrong."""
    configuration = tomllib.loads(pathlib.Path("samconfig.toml").read_text(encoding="utf-8"))
    template = yaml_parse(pathlib.Path("template.yaml").read_text(encoding="utf-8"))
    deploy = configuration[environment]["deploy"]["parameters"]
    given = pairs(deploy["parameter_overrides"])
    known = template["Parameters"]

    unknown = sorted(given.keys() - known.keys())
    if unknown:
        sys.exit(f"{environment}: parameters {unknown} are not in template.yaml")
    missing = sorted(name for name, parameter in known.items() if "Default" not in parameter and name not in given)
    if missing:
        sys.exit(f"{environment}: parameters {missing} have no default and no value")
    for name, value in given.items():
        allowed = [str(item) for item in known[name].get("AllowedValues", [value])]
        if value not in allowed:
            sys.exit(f"{environment}: {name}={value} is not one of {allowed}")
    tags = pairs(deploy["tags"])
    if given["Environment"] != environment or tags["environment"] != environment:
        sys.exit(f"{environment}: the parameter and the tag environment must be {environment}")
    if deploy["stack_name"] != f"ace-flow-{environment}" or not {"project", "managed-by"} <= tags.keys():
        sys.exit(f"{environment}: wrong stack name, or the tags project and managed-by are missing")


if __name__ == "__main__":
    main(sys.argv[1])

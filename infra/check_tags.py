"""Checks that whatever can have tags in a CloudFormation template says its project, its environment and who manages it.

usage: check_tags.py <template as CloudFormation takes it> [<environment>...]

What can have tags is read from the resource schemas of cfn-lint. An environment is the template's parameter, or one of those that
are named.
"""

import json
import pathlib
import sys

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samcli.yamlhelper import yaml_parse

# SAM makes these of events and can give them no tags: they have the stack's, which samconfig.toml sets (check_samconfig.py).
TAGGED_BY_THE_STACK = ["AWS::Events::Rule"]


def takes_tags(kind):
    """Whether AWS takes tags for this type of resource."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    tagging = schema.get("tagging")
    return tagging.get("taggable", True) if tagging else "Tags" in schema["properties"]


def tags(resource):
    """The tags of a resource, which are a list of pairs or a map."""
    own = resource.get("Properties", {}).get("Tags", {})
    return own if isinstance(own, dict) else {tag["Key"]: tag["Value"] for tag in own}


def main(path, *environments):
    """Fails with one sentence on everything that is wrong."""
    template = yaml_parse(pathlib.Path(path).read_text(encoding="utf-8"))
    allowed = {
        "project": ["ace-flow"],
        "environment": environments or [{"Ref": "Environment"}],
        "managed-by": ["cloudformation"],
    }
    seen, wrong = 0, []
    for name, resource in template["Resources"].items():
        if resource["Type"] in TAGGED_BY_THE_STACK or not takes_tags(resource["Type"]):
            continue
        seen += 1
        found = tags(resource)
        wrong += [f"{name}: its tag {tag} is {found.get(tag)}" for tag, values in allowed.items() if found.get(tag) not in values]
    if wrong or not seen:
        sys.exit("\n".join(wrong) or "nothing in it takes tags")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Prints, as JSON, the CloudFormation template that SAM makes of a SAM template. Needs no AWS account.

usage: transform.py <template> <region>

The translator wants artifacts uploaded: local paths are replaced by S3 locations that are never read.
"""

import json
import os
import pathlib
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

UPLOADED = {"Bucket": "artifacts", "Key": "artifact"}


class ManagedPolicies:
    """The AWS managed policies that SAM names by itself when a function is traced."""

    def load(self):
        """Policy name to ARN."""
        return {}


def main(path, region):
    """Transforms the template at `path` for `region`."""
    os.environ["AWS_DEFAULT_REGION"] = region
    template = yaml_parse(pathlib.Path(path).read_text(encoding="utf-8"))
    functions = template.get("Globals", {}).get("Function", {})
    if "CodeUri" in functions:
        functions["CodeUri"] = UPLOADED
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for key in ("CodeUri", "DefinitionUri"):
            if resource["Type"].startswith("AWS::Serverless::") and key in properties:
                properties[key] = UPLOADED
    parameters = {"AWS::Region": region, "AWS::Partition": "aws"}
    print(json.dumps(transform(template, parameters, ManagedPolicies()), indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])

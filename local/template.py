"""`template.yaml` as it is, and as SAM translates it: the latter shows the roles and policies that SAM adds."""

import json
import os
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from cfnlint.decode import decode_str
from samtranslator.translator.transform import transform

TEMPLATE: Final = Path(__file__).parents[1] / "template.yaml"

Template = dict[str, Any]


def read() -> Template:
    """Return the template, each short form of a function (``!Ref``) in its long one (``{"Ref": ...}``)."""
    decoded, problems = decode_str(TEMPLATE.read_text())
    if problems:
        raise ValueError(problems)
    result: Template = json.loads(json.dumps(decoded))  # plain dicts and strings, without their places in the file
    return result


def translate(template: Template, parameters: Mapping[str, str] | None = None) -> Template:
    """Return what CloudFormation makes of the template with these parameters, defaults for the others."""
    template = deepcopy(template)
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/package"  # as after `sam package`
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # SAM wants one, to know the partition
    no_managed_policies = SimpleNamespace(load=dict)  # none is named, so none has to be looked up
    result: Template = transform(template, dict(parameters or {}), no_managed_policies)
    return result


if __name__ == "__main__":
    print(json.dumps(translate(read()), indent=2))

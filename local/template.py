"""`template.yaml` as it is, as SAM translates it, and as it comes out for given parameters.

``python -m local.template FOLDER`` writes what is checked by programs that can not follow conditions: checkov finds no
fault in any policy that has one, and so in none of ours.
"""

import json
import os
import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from cfnlint.decode import decode_str
from samtranslator.translator.transform import transform

TEMPLATE: Final = Path(__file__).parents[1] / "template.yaml"

# The same stack with nothing given, and with everything.
VARIANTS: Final[Mapping[str, Mapping[str, str]]] = {
    "defaults": {},
    "everything": {
        "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000",
        "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
        "AlarmEmail": "alarms@example.com",
        "ReservedConcurrency": "10",
        "SnapStart": "true",
        "Tracing": "true",
    },
    "existing": {
        "AisaSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:aisa-AbCdEf",
        "WebhookSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhooks-AbCdEf",
        "SourceQueueArn": "arn:aws:sqs:us-east-1:123456789012:likes",
        "AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:alarms",
        "CanaryDeployment": "false",
    },
}

Template = dict[str, Any]

_NO_VALUE: Final = {"Ref": "AWS::NoValue"}


def read() -> Template:
    """Return the template, each short form of a function (``!Ref``) in its long one (``{"Ref": ...}``)."""
    decoded, problems = decode_str(TEMPLATE.read_text())
    if problems:
        raise ValueError(problems)
    result: Template = json.loads(json.dumps(decoded))  # plain dicts and strings, without their places in the file
    return result


def translate(template: Template, parameters: Mapping[str, str] | None = None) -> Template:
    """Return what SAM makes of the template with these parameters, defaults for the others."""
    template = deepcopy(template)
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/package"  # as after `sam package`
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # SAM wants one, to know the partition
    no_managed_policies = SimpleNamespace(load=dict)  # none is named, so none has to be looked up
    result: Template = transform(template, dict(parameters or {}), no_managed_policies)
    return result


def decide(template: Template, parameters: Mapping[str, str]) -> Template:
    """Return the template without conditions: as it comes out with these parameters, defaults for the others."""
    values = {name: str(each.get("Default", "")) for name, each in template["Parameters"].items()} | dict(parameters)
    conditions = template.get("Conditions", {})

    def holds(condition: Any) -> bool:
        ((function, arguments),) = condition.items()
        match function:
            case "Condition":
                return holds(conditions[arguments])
            case "Fn::Equals":
                left, right = (values[each["Ref"]] if isinstance(each, dict) else str(each) for each in arguments)
                return left == right
            case "Fn::Not":
                return not holds(arguments[0])
            case "Fn::And":
                return all(holds(each) for each in arguments)
            case "Fn::Or":
                return any(holds(each) for each in arguments)
        raise ValueError(f"{function} is no condition.")

    def follow(value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"Fn::If"}:
                condition, then, otherwise = value["Fn::If"]
                return follow(then if holds(conditions[condition]) else otherwise)
            followed = {name: follow(each) for name, each in value.items()}
            return {name: each for name, each in followed.items() if each != _NO_VALUE}
        if isinstance(value, list):
            return [each for each in map(follow, value) if each != _NO_VALUE]
        return value

    def exists(part: Mapping[str, Any]) -> bool:
        return "Condition" not in part or holds(conditions[part["Condition"]])

    result = {name: part for name, part in template.items() if name != "Conditions"}
    for name, value in parameters.items():
        result["Parameters"] = result["Parameters"] | {name: result["Parameters"][name] | {"Default": value}}
    for section in ("Resources", "Outputs"):
        result[section] = {
            name: {key: value for key, value in follow(part).items() if key != "Condition"}
            for name, part in template.get(section, {}).items()
            if exists(part)
        }
    return result


def widen(template: Template) -> Template:
    """Return the template with a policy that is too wide, for whoever claims to notice."""
    template = deepcopy(template)
    (policy,) = template["Resources"]["WorkerFunctionRole"]["Properties"]["Policies"]
    policy["PolicyDocument"]["Statement"][0] |= {"Action": "sqs:*", "Resource": "*"}
    return template


def main(folder: Path) -> None:
    """Write each variant, translated and decided, into `folder`, and one that must not pass."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, parameters in VARIANTS.items():
        variant = decide(translate(read(), parameters), parameters)
        (folder / f"{name}.json").write_text(json.dumps(variant, indent=2))
    (folder / "too-wide.json").write_text(json.dumps(decide(translate(widen(read())), {}), indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

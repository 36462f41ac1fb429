"""What the functions' roles keep them from, tried where policies are enforced."""

import time

from local.service import DEMO_TOKEN, LocalService

EVENT = {
    "routeKey": "POST /webhooks/{source}",
    "headers": {"authorization": f"Bearer {DEMO_TOKEN}"},
    "pathParameters": {"source": "demo-token"},
    "requestContext": {"requestId": "r"},
    "body": '{"tweet_id": "20"}',
}


def test_the_webhook_function_can_not_read_the_aisa_key(service: LocalService) -> None:
    stack = service.stack
    functions = stack.client("lambda")
    name = stack.resources["WebhookFunction"]
    invoke = stack.invoke("WebhookFunction")
    environment = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    since = round(time.time() * 1000)
    assert invoke(EVENT)["statusCode"] == 202

    def read_from(secret: str) -> None:
        variables = environment | {"WEBHOOK_SECRET_ID": stack.outputs[secret]}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    read_from("AisaSecretArn")
    try:
        answer = invoke(EVENT)
    finally:
        read_from("WebhookSecretArn")

    assert answer["statusCode"] == 503
    assert any('"secret_unreadable"' in line for _, line in stack.logs(since))

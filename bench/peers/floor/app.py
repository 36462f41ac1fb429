"""The same jobs with botocore and urllib3 and no framework: what the service could cost at the least."""

import base64
import hashlib
import hmac
import json
import os
import ssl
import time

import botocore.session
import certifi
import urllib3

session = botocore.session.get_session()
secrets = session.create_client("secretsmanager")
sqs = session.create_client("sqs")
if os.environ["JOB"] != "webhook":
    dynamodb = session.create_client("dynamodb")
    http = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=certifi.where()))
cached = {}


def secret(name):
    if name not in cached:
        cached[name] = secrets.get_secret_value(SecretId=name)["SecretString"]
    return cached[name]


def like(tweet_id):
    now = str(round(time.time()))
    key = {"pk": {"S": f"like#default#{tweet_id}"}}
    table = os.environ["STATE_TABLE"]
    item = {**key, "status": {"S": "liking"}, "expires_at": {"N": now}}
    put = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    unit = {
        "TableName": table,
        "Key": {"pk": {"S": "account#default"}},
        "UpdateExpression": "ADD used :one",
        "ConditionExpression": "used < :limit",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":limit": {"N": "50"}},
    }
    dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"Update": unit}])
    answer = http.request(
        "POST",
        f"{os.environ['AISA_BASE_URL']}/apis/v1/twitter/like_twitter",
        json={"tweet_id": tweet_id},
        headers={"Authorization": f"Bearer {json.loads(secret(os.environ['AISA_SECRET_ID']))['default']}"},
        timeout=15,
        retries=False,
    )
    liked = answer.status == 200 and answer.json()["data"]["liked"] is True
    settle = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "SET #status = :status",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":status": {"S": "liked"}},
    }
    dynamodb.transact_write_items(TransactItems=[{"Update": settle}])
    report("Liked", tweet_id)
    return liked


def report(metric, tweet_id):
    print(json.dumps({"level": "INFO", "message": "like", "tweet_id": tweet_id}))
    directive = {"Namespace": "Floor", "Dimensions": [["service"]], "Metrics": [{"Name": metric, "Unit": "Count"}]}
    emf = {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [directive]}
    print(json.dumps({"_aws": emf, "service": "floor", metric: 1}))


def http_handler(event, _context):
    tweet_id = json.loads(event["body"])["tweet_id"]
    return {"statusCode": 200 if like(tweet_id) else 502, "body": json.dumps({"liked": True})}


def webhook_handler(event, _context):
    raw = event["body"].encode()
    body = base64.b64decode(raw) if event["isBase64Encoded"] else raw
    source = json.loads(secret(os.environ["WEBHOOK_SECRET_ID"]))[event["pathParameters"]["source"]]
    expected = hmac.digest(source["secrets"][0].encode(), body, hashlib.sha256).hex()
    if not hmac.compare_digest(event["headers"]["x-hub-signature-256"], f"sha256={expected}"):
        return {"statusCode": 401, "body": "{}"}
    tweet_id = json.loads(body)["client_payload"]["tweet"]
    sqs.send_message(
        QueueUrl=os.environ["LIKE_QUEUE_URL"],
        MessageBody=json.dumps({"tweet_id": tweet_id}),
        MessageGroupId="default",
        MessageDeduplicationId=tweet_id,
    )
    report("WebhookAccepted", tweet_id)
    return {"statusCode": 202, "body": json.dumps({"queued": True})}


def queue_handler(event, _context):
    failed = [record for record in event["Records"] if not like(json.loads(record["body"])["tweet_id"])]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


handler = {"http": http_handler, "webhook": webhook_handler, "queue": queue_handler}[os.environ["JOB"]]

"""A function as Powertools' documentation shows one: tracer, parser, validating resolver, batch, idempotency."""

import os

import requests
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.parser.models import SqsRecordModel  # noqa: F401 - as the batch's page imports it
from pydantic import BaseModel, Field

tracer = Tracer()
logger = Logger()
metrics = Metrics(namespace="Plain")
app = APIGatewayHttpResolver(enable_validation=True)
processor = BatchProcessor(event_type=EventType.SQS)
persistence = DynamoDBPersistenceLayer(table_name=os.environ["STATE_TABLE"])
config = IdempotencyConfig(event_key_jmespath="tweet_id")


class LikeRequest(BaseModel):
    tweet_id: str = Field(pattern="^[0-9]{1,19}$")


@tracer.capture_method
@idempotent_function(data_keyword_argument="request", persistence_store=persistence, config=config)
def like(request: dict) -> dict:
    keys = parameters.get_secret(os.environ["AISA_SECRET_ID"], transform="json", max_age=300)
    answer = requests.post(
        f"{os.environ['AISA_BASE_URL']}/apis/v1/twitter/like_twitter",
        json=request,
        headers={"Authorization": f"Bearer {keys['default']}"},
        timeout=15,
    )
    answer.raise_for_status()
    metrics.add_metric(name="Liked", unit=MetricUnit.Count, value=1)
    logger.info("like", tweet_id=request["tweet_id"])
    return answer.json()


@app.post("/likes")
@tracer.capture_method
def post_like(request: LikeRequest) -> dict:
    return like(request=request.model_dump())


def record_handler(record):
    return like(request=record.json_body)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    if "Records" in event:
        return process_partial_response(
            event=event, record_handler=record_handler, processor=processor, context=context
        )
    return app.resolve(event, context)

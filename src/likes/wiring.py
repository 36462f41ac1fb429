"""The one place that builds the real parts, from the environment, once per execution environment."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import boto3

from likes import queues, secrets
from likes.aisa import PATIENCE, AisaClient, Patience
from likes.dynamodb import DynamoDB
from likes.keys import Keys
from likes.lanes import LaneWorker
from likes.ledger import Ledger
from likes.liking import Liker
from likes.queues import LikeQueue, RejectedQueue
from likes.secrets import StoredSecret
from likes.settings import AisaSettings, LedgerSettings, text, whole_number


@dataclass(frozen=True, slots=True)
class ApiParts:
    """What `likes.api` works with."""

    liker: Liker
    ledger: Ledger
    queue: LikeQueue


def build_api(
    environ: Mapping[str, str], *, clock: Callable[[], float] = time.time, patience: Patience = PATIENCE
) -> ApiParts:
    """Build the parts of the HTTP function.

    Raises:
        InvalidSetting: an environment variable is missing or malformed.
    """
    session = boto3.Session()
    the_ledger = _ledger(environ, session, clock)
    queue = LikeQueue(text(environ, "LIKE_QUEUE_URL"), session.client("sqs", config=queues.boto_config()))
    return ApiParts(_liker(environ, session, the_ledger, clock, patience), the_ledger, queue)


def build_worker(
    environ: Mapping[str, str], *, clock: Callable[[], float] = time.time, patience: Patience = PATIENCE
) -> LaneWorker:
    """Build the worker.

    Raises:
        InvalidSetting: an environment variable is missing or malformed.
    """
    session = boto3.Session()
    sqs = session.client("sqs", config=queues.boto_config())
    return LaneWorker(
        _liker(environ, session, _ledger(environ, session, clock), clock, patience),
        LikeQueue(text(environ, "LIKE_QUEUE_URL"), sqs),
        RejectedQueue(text(environ, "REJECTED_QUEUE_URL"), sqs),
        give_up_after_hours=whole_number(environ, "GIVE_UP_AFTER_HOURS", 72),
        clock=clock,
    )


def _ledger(environ: Mapping[str, str], session: boto3.Session, clock: Callable[[], float]) -> Ledger:
    settings = LedgerSettings.read(environ)
    return Ledger(settings.table, DynamoDB(session), settings.budget, clock=clock)


def _liker(
    environ: Mapping[str, str],
    session: boto3.Session,
    the_ledger: Ledger,
    clock: Callable[[], float],
    patience: Patience,
) -> Liker:
    settings = AisaSettings.read(environ)
    client = session.client("secretsmanager", config=secrets.boto_config())
    the_keys = Keys(StoredSecret(settings.secret_id, client))
    gateway = AisaClient(settings.base_url, key_in_body=settings.key_in_body, clock=clock, patience=patience)
    return Liker(the_keys, gateway, the_ledger, clock=clock)

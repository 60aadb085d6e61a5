"""Functions that CloudFormation calls while it deploys the stack, and that its custom resources stand for."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rottenbot.logs import logger

Properties = dict[str, Any]
Attributes = dict[str, str]


def handler(apply: Callable[[Properties], Attributes]) -> Callable[[dict[str, Any], LambdaContext], Attributes]:
    """The Lambda handler over `apply`, which brings about what a resource's properties ask for, however often it is
    called, and returns the attributes that the template may read.

    An exception fails the deployment with its first line as the reason. Deleting a resource does nothing. An event
    that is not from CloudFormation gets the attributes as its answer.
    """

    @logger.inject_lambda_context(clear_state=True)
    def handle(event: dict[str, Any], _context: LambdaContext) -> Attributes:
        if "ResponseURL" not in event:
            return apply(event)
        try:
            attributes = {} if event["RequestType"] == "Delete" else apply(event["ResourceProperties"])
        except Exception as error:
            logger.exception("custom resource failed", resource=event["LogicalResourceId"])
            reason = str(error).strip().partition("\n")[0]
            _answer(event, {"Status": "FAILED", "Reason": f"{type(error).__name__}: {reason}"})
            return {}
        _answer(event, {"Status": "SUCCESS", "Data": attributes})
        return attributes

    return handle


def _answer(event: dict[str, Any], outcome: dict[str, Any]) -> None:
    same = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    physical = event.get("PhysicalResourceId") or event["LogicalResourceId"]
    body = json.dumps(outcome | same | {"PhysicalResourceId": physical}).encode()
    # The address is signed for a request without a content type.
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310

"""A function that touches environments of another one, so that Lambda keeps them."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from rottenbot.aws import session
from rottenbot.logs import logger

ROUNDS: Final = 3


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Touch as many different environments of `function` as `environments` says, all at once.

    One that is warm answers so fast that it may answer twice, so there are up to three rounds. Returns how many
    environments were `touched`, and how many of those were started by it.
    """
    wanted = int(event["environments"])
    client = session().client("lambda")

    def touch(_: int) -> dict[str, Any]:
        answer = client.invoke(FunctionName=event["function"], Payload=b'{"warmup": true}')
        document: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RuntimeError(f"{event['function']} does not start: {document.get('errorMessage')}")
        return document

    seen: dict[str, bool] = {}
    with ThreadPoolExecutor(wanted) as threads:
        for _ in range(ROUNDS):
            for answer in threads.map(touch, range(wanted)):
                seen.setdefault(answer["environment"], answer["started"])
            if len(seen) >= wanted:
                break
    touched, started = len(seen), sum(seen.values())
    logger.info("warmed up", function=event["function"], wanted=wanted, touched=touched, started=started)
    return {"touched": touched, "started": started}

"""Whether what a function depends on can be reached now."""

import contextvars
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel

from rottenbot.logs import logger

State = Literal["ok", "unavailable"]
Checks = Mapping[str, Callable[[], object]]
Asked = Annotated[bool, Query(description="Whether to look at what this depends on, too")]
Plain = TypeVar("Plain", bound=BaseModel)


class Health(BaseModel):
    """The function answers."""

    status: Literal["ok"] = "ok"


class FullHealth(BaseModel):
    """`degraded` when any of the dependencies cannot be used now."""

    status: Literal["ok", "degraded"]
    dependencies: dict[str, State]


def responses(plain: type[BaseModel]) -> Any:
    """How the document of the API describes such answers."""
    described = {HTTPStatus.OK: "It answers", HTTPStatus.SERVICE_UNAVAILABLE: "A dependency cannot be used now"}
    models = {HTTPStatus.OK: plain | FullHealth, HTTPStatus.SERVICE_UNAVAILABLE: FullHealth}
    return {
        status: {"description": text, "content": {"application/json": {"model": models[status]}}}
        for status, text in described.items()
    }


def answer(plain: Plain, checks: Checks, full: bool) -> Response[Plain | FullHealth]:
    """What a load balancer is told, at no cost; or, in full, what each check finds, 503 unless all is well."""
    if not full:
        return Response(HTTPStatus.OK, "application/json", plain)
    found = look(checks)
    well = set(found.values()) == {"ok"}
    body = FullHealth(status="ok" if well else "degraded", dependencies=found)
    return Response(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE, "application/json", body)


def look(checks: Checks) -> dict[str, State]:
    """Make all checks at once. Each is one exchange, as long as its store's own timeouts allow; raising anything is to
    be unavailable."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(checks)) as threads:
        states = {
            name: threads.submit(contextvars.copy_context().run, _state, name, check) for name, check in checks.items()
        }
    return {name: state.result() for name, state in states.items()}


def _state(name: str, check: Callable[[], object]) -> State:
    try:
        check()
    except Exception:
        logger.warning("a dependency is unavailable", dependency=name, exc_info=True)
        return "unavailable"
    return "ok"

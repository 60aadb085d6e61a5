"""Serves until killed."""

import argparse
import threading

from localstack import aws
from localstack.status import PATH
from localstack.status.page import HTML, render
from localstack.status.received import Received
from localstack.status.server import serving


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m localstack.status", description=__doc__)
    parser.add_argument("--hosts", required=True, help="the addresses to listen on, with commas between them")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--localstack", required=True, help="where the queues are")
    arguments = parser.parse_args()
    received, sqs = Received(), aws.client("sqs", arguments.localstack)

    def page() -> tuple[str, bytes]:
        return HTML, render(received, aws.queue_depths(sqs)).encode()

    with serving(received, {PATH: page}, arguments.hosts.split(","), arguments.port):
        threading.Event().wait()


if __name__ == "__main__":
    main()

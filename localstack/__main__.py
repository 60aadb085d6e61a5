"""What `python -m localstack` does: it can be interrupted from its first moment."""

import signal
import sys


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, _interrupt)
    try:
        from localstack import command  # all that there is; it takes a while

        return command.main()
    except KeyboardInterrupt:
        print("stopped", flush=True)
        return 130


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

"""From a folder of labelled photos to the model that functions/predict/model/ holds.

The usual way: train with two seeds, average, evaluate, export, promote, bake. What a command needs from the ones
before it is kept in .rottenbot/training/runs/NAME, and logged to MLflow.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from training import config
from training.config import Config
from training.problems import TrainingError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow tells of every processor feature otherwise
DEFAULT_CONFIG = config.FOLDER / "lite0.toml"


def main() -> int:
    arguments = _parser().parse_args()
    command: Callable[[argparse.Namespace], None] = arguments.command
    try:
        command(arguments)
    except TrainingError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training: interrupted; the same command goes on from the last epoch that ended.", file=sys.stderr)
        return 130
    return 0


def _split(arguments: argparse.Namespace) -> None:
    from training import train
    from training.runs import Run

    run = Run(arguments.run)
    run.begin(_config(arguments), arguments.dataset)
    train.split(run)
    print(f"{run.split}")


def _train(arguments: argparse.Namespace) -> None:
    from training import train
    from training.runs import Run

    run = Run(arguments.run)
    run.begin(_config(arguments), arguments.dataset)
    train.train(run)


def _average(arguments: argparse.Namespace) -> None:
    from training import average
    from training.runs import Run

    average.average([Run(name) for name in arguments.members], Run(arguments.run))


def _tune(arguments: argparse.Namespace) -> None:
    from training import train, tune
    from training.runs import Run

    run = Run(arguments.run)
    run.begin(_config(arguments), arguments.dataset)
    train.split(run)
    if best := tune.tune(run, arguments.minutes):
        file = run.folder / "best.toml"
        file.write_text(config.to_toml(best))
        print(f"The best settings are in {file}; train with them by --config.")


def _evaluate(arguments: argparse.Namespace) -> None:
    from training import evaluate
    from training.runs import Run

    run = Run(arguments.run)
    report = evaluate.evaluate(run, arguments.others, arguments.quick)
    for row in report["per_class"]:
        print(f"  {row['class']:22} F1 {row['f1']:.3f}  {row['f1_95']}  ({row['photos']} test photos)")
    for name, value in report["test"].items():
        low, high = report["test_95"][name]
        print(f"test {name} {value:.4f}  (95 % interval {low:.4f} to {high:.4f})")
    print(f"expected calibration error {report['calibration']['expected_error']:.4f}; pictures in {run.evaluation}")


def _export(arguments: argparse.Namespace) -> None:
    from training import export
    from training.runs import Run

    exports = export.export(Run(arguments.run))
    for one in exports["files"]:
        print(
            f"  {one['precision']:8} {one['megabytes']:5.1f} MB  test accuracy {one['test_accuracy']:.4f}"
            f"  {one['milliseconds_1_thread']:5.1f} ms, 2 threads {one['milliseconds_2_threads']:5.1f} ms"
        )
    print(exports["reason"])


def _promote(arguments: argparse.Namespace) -> None:
    from training import promote
    from training.runs import Run

    print(promote.promote(Run(arguments.run)))
    print(f"{arguments.run} is the champion.")


def _bake(arguments: argparse.Namespace) -> None:
    from training import bake, tracking
    from training.runs import Run

    name = arguments.run or tracking.run_with("champion")
    if not name:
        raise TrainingError("There is no champion to bake: promote a run first, or name one.")
    print(f"Model {bake.bake(Run(name), arguments.output)} is in {arguments.output}.")


def _compare(arguments: argparse.Namespace) -> None:
    from training import compare
    from training.runs import Run

    print(compare.table([Run(name) for name in arguments.runs] or Run.all()))


def _config(arguments: argparse.Namespace) -> Config:
    chosen = config.read(arguments.config)
    if arguments.fold is not None:
        data = chosen.data.model_copy(update={"fold": arguments.fold})
        chosen = chosen.model_copy(update={"data": data})
    return chosen if arguments.seed is None else chosen.model_copy(update={"seed": arguments.seed})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.set_defaults(command=command)
        return added

    for name, command, text in (
        ("split", _split, "check a folder of photos and write down which are to train, to choose and to test"),
        ("train", _train, "train a model, or go on with an interrupted run; it becomes the candidate"),
        ("tune", _tune, "search for better settings for a number of minutes; goes on with a study of the same name"),
    ):
        added = add(name, command, text)
        added.add_argument("dataset", type=Path, help="a folder with manifest.csv, or with a folder per class")
        added.add_argument(
            "--run",
            default="search" if name == "tune" else "lite0",
            metavar="NAME",
            help="name of the run (default: %(default)s)",
        )
        added.add_argument(
            "--config", type=Path, default=DEFAULT_CONFIG, help="TOML file (default: configs/lite0.toml)"
        )
        added.add_argument("--seed", type=int, help="of weights and augmentation, in place of the file's")
        added.add_argument("--fold", type=int, help="test on this part of a cross-validation")
        if name == "tune":
            added.add_argument("--minutes", type=float, default=60, help="when to stop (default: %(default)s)")

    added = add(
        "average", _average, "make one model of trained runs that differ only in the seed; it becomes the candidate"
    )
    added.add_argument("members", nargs="+", help="names of the runs", metavar="RUN")
    added.add_argument("--run", default="lite0", metavar="NAME", help="name of the new run (default: %(default)s)")
    added = add("evaluate", _evaluate, "test a run's model: numbers, tables and pictures")
    added.add_argument("run", help="name of the run")
    added.add_argument("--quick", action="store_true", help="leave out the changed photos, which take most of the time")
    added.add_argument("--others", type=Path, help="a folder with folders of photos that show none of the classes")
    added = add("export", _export, "write a run's model as LiteRT files, measure them and choose one")
    added.add_argument("run", help="name of the run")
    added = add("promote", _promote, "make a run the champion, unless it is worse than the one before")
    added.add_argument("run", help="name of the run")
    added = add("bake", _bake, "write the champion, or the named run, to functions/predict/model")
    added.add_argument("run", nargs="?", help="name of the run (default: the champion)")
    added.add_argument("--output", type=Path, default=config.FOLDER.parent.parent / "functions" / "predict" / "model")
    added = add(
        "compare", _compare, "show the test scores of runs side by side, and over the parts of a cross-validation"
    )
    added.add_argument("runs", nargs="*", help="names of runs (default: all)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""A search for better settings: trials learn from each other, are ended early when they lag, and can be resumed."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from training import fit, metrics, tracking
from training.config import Config
from training.runs import STATE, Run


def tune(run: Run, minutes: float) -> Config | None:
    """Search from the settings of `run` for as long as `minutes`; returns the best, if a trial came to its end.

    A study is kept by the run's name and goes on where it was left. Trials are compared by macro-F1 on the val photos.
    """
    study = optuna.create_study(
        storage=f"sqlite:///{STATE / 'optuna.db'}",
        study_name=run.name,
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=run.config.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=1),
    )
    until = time.monotonic() + 60 * minutes
    with tracking.run(run.name, run.mlflow_run) as parent:
        run.remember(parent)
        study.optimize(lambda trial: _try(run, trial, until), timeout=60 * minutes)
        finished = [one for one in study.trials if one.state == optuna.trial.TrialState.COMPLETE]
        print(f"{len(study.trials)} trials, {len(finished)} of them to the end.")
        if not finished:
            return None
        tracking.log_scores({"best_val_macro_f1": study.best_value})
        return suggest(study.best_trial, run.config)


def suggest(trial: Any, base: Config) -> Config:
    """The settings of a trial: `base` with some of its values drawn anew."""
    optimisation = base.optimisation.model_copy(
        update={
            "learning_rate": trial.suggest_float("learning_rate", 5e-5, 2e-3, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-3, 0.1, log=True),
            "label_smoothing": trial.suggest_float("label_smoothing", 0.0, 0.15),
        }
    )
    augmentation = base.augmentation.model_copy(
        update={
            "zoom": trial.suggest_float("zoom", 0.1, 0.6),
            "background": trial.suggest_float("background", 0.0, 0.8),
            "mixup": trial.suggest_float("mixup", 0.0, 0.4),
        }
    )
    model = base.model.model_copy(update={"dropout": trial.suggest_float("dropout", 0.0, 0.5)})
    return base.model_copy(update={"optimisation": optimisation, "augmentation": augmentation, "model": model})


def _try(run: Run, trial: Any, until: float) -> float:
    config = suggest(trial, run.config)
    train, val = run.labelled("train"), run.labelled("val")

    def tell(epoch: int, measures: dict[str, float]) -> None:
        tracking.log_epoch(epoch, measures)
        trial.report(measures["val_accuracy"], epoch)
        if trial.should_prune() or time.monotonic() > until:
            raise optuna.TrialPruned

    with tracking.run(f"{run.name}-{trial.number}", nested=True), tempfile.TemporaryDirectory() as folder:
        tracking.log_parameters(config.model_dump(mode="json"))
        model = fit.fit(config, train, val, run.classes, Path(folder), tell)
        predicted = fit.answers(model, val[0]).argmax(axis=1)
        score = float(np.mean(metrics.f1_per_class(val[1], predicted, len(run.classes))))
        tracking.log_scores({"val_macro_f1": score})
        return score

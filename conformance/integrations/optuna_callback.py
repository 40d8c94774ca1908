"""An Optuna study with the callback that optuna-integration ships: a run for each trial."""
import optuna
from optuna_integration.wandb import WeightsAndBiasesCallback

callback = WeightsAndBiasesCallback(
    metric_name="value", wandb_kwargs={"project": "integrations", "name": "optuna"}, as_multirun=False
)


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    return (x - 2) ** 2


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(objective, n_trials=8, callbacks=[callback])
import wandb  # noqa: E402

wandb.finish()

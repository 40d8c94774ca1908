"""A run of one row; where it goes and who it is come from the variables."""

import wandb

run = wandb.init()
run.log({"loss": 1})
run.finish()

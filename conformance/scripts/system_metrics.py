"""A run that keeps a processor busy for two seconds: what the client measures of it."""
import time

import wandb

run = wandb.init(project="sdk", id="system-theirs")
until = time.time() + 2
while time.time() < until:
    sum(i * i for i in range(100_000))
run.finish()

"""Train a small classifier on real handwritten digits and track it with the official client.

    pip install wandb scikit-learn
    python examples/python/train.py

The data set (1,797 digits of 8 × 8 pixels) ships with scikit-learn; a fifth is held out.
"""
import os

import numpy as np
import wandb
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

digits = load_digits()
x_train, x_test, y_train, y_test = train_test_split(
    digits.data / 16.0, digits.target, test_size=0.2, random_state=0, stratify=digits.target
)

config = {"hidden": 64, "learning_rate": 1e-3, "batch_size": 64, "epochs": int(os.environ.get("EPOCHS", 30))}
with wandb.init(project="digits", config=config) as run:
    run.define_metric("held_out/accuracy", summary="max")
    model = MLPClassifier(
        hidden_layer_sizes=(run.config.hidden,),
        learning_rate_init=run.config.learning_rate,
        batch_size=run.config.batch_size,
        random_state=0,
    )
    for epoch in range(run.config.epochs):
        order = np.random.default_rng(epoch).permutation(len(x_train))
        model.partial_fit(x_train[order], y_train[order], classes=np.arange(10))
        accuracy = model.score(x_test, y_test)
        run.log(
            {
                "epoch": epoch,
                "train/loss": model.loss_,
                "train/accuracy": model.score(x_train, y_train),
                "held_out/loss": log_loss(y_test, model.predict_proba(x_test), labels=np.arange(10)),
                "held_out/accuracy": accuracy,
            }
        )
        print(f"epoch {epoch:3d}  held-out accuracy {accuracy:.3f}")

"""Keras training with the metrics and checkpoint callbacks that the official client ships."""
import keras
import wandb
from sklearn.datasets import load_digits
from wandb.integration.keras import WandbMetricsLogger, WandbModelCheckpoint

digits = load_digits()
with wandb.init(project="integrations", name="keras") as run:
    model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(
        digits.data / 16,
        digits.target,
        epochs=4,
        validation_split=0.2,
        verbose=2,
        callbacks=[WandbMetricsLogger(log_freq=5), WandbModelCheckpoint("model.keras", save_freq="epoch")],
    )

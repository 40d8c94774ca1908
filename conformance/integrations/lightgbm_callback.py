"""LightGBM's training with the callback that the official client ships."""
import lightgbm
import wandb
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from wandb.integration.lightgbm import log_summary, wandb_callback

features, labels = load_breast_cancer(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(features, labels, test_size=0.25, random_state=0)
with wandb.init(project="integrations", name="lightgbm") as run:
    model = lightgbm.train(
        {"objective": "binary", "metric": ["binary_logloss", "auc"], "verbose": -1, "num_threads": 1},
        lightgbm.Dataset(x_train, y_train),
        num_boost_round=20,
        valid_sets=[lightgbm.Dataset(x_test, y_test)],
        valid_names=["held_out"],
        callbacks=[wandb_callback()],
    )
    log_summary(model, save_model_checkpoint=True)

"""XGBoost's training with the callback that the official client ships."""
import wandb
import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from wandb.integration.xgboost import WandbCallback

features, labels = load_breast_cancer(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(features, labels, test_size=0.25, random_state=0)
with wandb.init(project="integrations", name="xgboost") as run:
    model = xgboost.XGBClassifier(
        n_estimators=20, eval_metric=["logloss", "auc"], n_jobs=1, callbacks=[WandbCallback(log_model=True)]
    )
    model.fit(x_train, y_train, eval_set=[(x_test, y_test)], verbose=False)

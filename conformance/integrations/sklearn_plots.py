"""The classifier report that the official client ships for scikit-learn: tables, custom charts."""
import wandb
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

data = load_iris()
x_train, x_test, y_train, y_test = train_test_split(data.data, data.target, test_size=0.3, random_state=0)
model = RandomForestClassifier(n_estimators=10, random_state=0).fit(x_train, y_train)
with wandb.init(project="integrations", name="sklearn") as run:
    wandb.sklearn.plot_classifier(
        model,
        x_train,
        x_test,
        y_train,
        y_test,
        model.predict(x_test),
        model.predict_proba(x_test),
        [str(name) for name in data.target_names],
        model_name="forest",
        feature_names=data.feature_names,
    )
    run.log({"held_out/accuracy": model.score(x_test, y_test)})

"""A scikit-learn style network with the callback that skorch ships: metrics, gradients, the best model as a file."""
import numpy
import torch
import wandb
from skorch import NeuralNetClassifier
from skorch.callbacks import WandbLogger
from sklearn.datasets import load_digits

digits = load_digits()
torch.manual_seed(0)
with wandb.init(project="integrations", name="skorch") as run:
    network = NeuralNetClassifier(
        torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10), torch.nn.Softmax(dim=-1)),
        max_epochs=4,
        lr=0.1,
        batch_size=16,
        callbacks=[WandbLogger(run)],
        verbose=0,
    )
    network.fit((digits.data / 16).astype(numpy.float32), digits.target)

"""PyTorch Lightning with its own WandbLogger."""
import lightning
import torch
from lightning.pytorch.loggers import WandbLogger


class Regression(lightning.LightningModule):
    def __init__(self, rate: float = 0.05):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _index):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layer(x), y)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch, _index):
        x, y = batch
        self.log("held_out/loss", torch.nn.functional.mse_loss(self.layer(x), y))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.rate)


torch.manual_seed(0)
x = torch.randn(256, 4)
y = x @ torch.tensor([[1.0], [-2.0], [3.0], [0.5]])
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=32)
logger = WandbLogger(project="integrations", name="lightning", log_model="all")
trainer = lightning.Trainer(max_epochs=4, logger=logger, log_every_n_steps=2, accelerator="cpu", enable_progress_bar=False)
trainer.fit(Regression(), loader, loader)
logger.experiment.finish()

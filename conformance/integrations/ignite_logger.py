"""PyTorch Ignite's own logger: losses of each iteration, metrics of each epoch, the optimizer's rate, a checkpoint."""
import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import ModelCheckpoint
from ignite.handlers.wandb_logger import WandBLogger
from ignite.metrics import Accuracy, Loss

torch.manual_seed(0)
x = torch.randn(256, 4)
y = (x @ torch.tensor([1.0, -2.0, 3.0, 0.5]) > 0).long()
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=32)
model = torch.nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = torch.nn.CrossEntropyLoss()
trainer = create_supervised_trainer(model, optimizer, criterion)
evaluator = create_supervised_evaluator(model, metrics={"accuracy": Accuracy(), "loss": Loss(criterion)})
logger = WandBLogger(project="integrations", name="ignite", config={"lr": 0.1})
logger.watch(model, log="all", log_freq=8)
logger.attach_opt_params_handler(trainer, event_name=Events.ITERATION_STARTED, optimizer=optimizer)
logger.attach_output_handler(
    trainer, event_name=Events.ITERATION_COMPLETED, tag="training", output_transform=lambda loss: {"loss": loss}
)
logger.attach_output_handler(
    evaluator,
    event_name=Events.EPOCH_COMPLETED,
    tag="held_out",
    metric_names="all",
    global_step_transform=lambda *_: trainer.state.iteration,
)
trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda _: evaluator.run(loader))
trainer.add_event_handler(Events.COMPLETED, ModelCheckpoint(logger.run.dir, require_empty=False), {"model": model})
trainer.run(loader, max_epochs=3)
logger.close()

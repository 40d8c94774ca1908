"""A plain PyTorch loop tracked through Hugging Face Accelerate's own tracker, with images and a table."""
import numpy
import torch
from accelerate import Accelerator

torch.manual_seed(0)
accelerator = Accelerator(log_with="wandb", cpu=True)
accelerator.init_trackers("integrations", config={"lr": 0.05, "layers": [4, 1]}, init_kwargs={"wandb": {"name": "accelerate"}})
x = torch.randn(256, 4)
y = x @ torch.tensor([[1.0], [-2.0], [3.0], [0.5]])
model = torch.nn.Linear(4, 1)
model, optimizer, loader = accelerator.prepare(
    model,
    torch.optim.SGD(model.parameters(), lr=0.05),
    torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=32),
)
step = 0
for epoch in range(3):
    for inputs, targets in loader:
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        optimizer.zero_grad()
        accelerator.backward(loss)
        optimizer.step()
        accelerator.log({"train/loss": loss.item(), "epoch": epoch}, step=step)
        step += 1
tracker = accelerator.get_tracker("wandb")
tracker.log_images({"weights": [numpy.uint8(numpy.clip(128 + 30 * model.weight.detach().numpy(), 0, 255))]}, step=step)
tracker.log_table("predictions", columns=["target", "output"], data=[[1.5, 1.25], [-2.0, -1.75]], step=step)
accelerator.end_training()

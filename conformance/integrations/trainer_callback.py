"""The Hugging Face Trainer with its own report_to="wandb", on a tiny model made from a configuration."""
import os

import torch
import wandb
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

os.environ["WANDB_PROJECT"] = "integrations"
os.environ["WANDB_LOG_MODEL"] = "end"


class Sequences(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        tokens = torch.randint(0, 50, (12,), generator=generator)
        return {"input_ids": tokens, "labels": int(tokens[0] % 2)}


config = BertConfig(
    vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=2
)
trainer = Trainer(
    model=BertForSequenceClassification(config),
    args=TrainingArguments(
        output_dir="out",
        run_name="trainer",
        report_to="wandb",
        num_train_epochs=2,
        logging_steps=2,
        eval_strategy="epoch",
        per_device_train_batch_size=8,
        use_cpu=True,
    ),
    train_dataset=Sequences(),
    eval_dataset=Sequences(),
)
trainer.train()
wandb.finish()

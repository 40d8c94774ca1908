import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { integrationsVenv, runScript } from "./python.ts";
import { type RunningServer, startServer } from "./server.ts";
import { assertHeld, readWitness } from "./witnessed.ts";

interface Integration {
  /** A script of `integrations/`, or a module of an installed package: a whole program of other people. */
  script: string;
  args?: string[];
  needs: "light" | "keras" | "torch";
  /** Keys that must be among what it logged: without them the comparison would compare nothing. */
  keys: string[];
  artifacts?: string[];
}

/**
 * Training libraries' own callbacks and other people's whole programs, as they ship, each in a short real training, with all
 * that they hand to the client compared with what the server holds. The ones that need gigabytes run when
 * STEELYARD_TEST_INTEGRATIONS=all.
 */
const INTEGRATIONS: Integration[] = [
  {
    script: "lightgbm_callback.py",
    needs: "light",
    keys: ["held_out_binary_logloss", "held_out_auc"],
    artifacts: ["model"],
  },
  {
    script: "xgboost_callback.py",
    needs: "light",
    keys: ["validation_0-logloss", "validation_0-auc"],
    artifacts: ["model"],
  },
  { script: "optuna_callback.py", needs: "light", keys: ["value", "x"] },
  { script: "skorch_callback.py", needs: "torch", keys: ["train_loss", "valid_acc"] },
  {
    script: "ignite_logger.py",
    needs: "torch",
    keys: ["training/loss", "held_out/accuracy"],
  },
  { script: "accelerate_tracker.py", needs: "torch", keys: ["train/loss"] },
  { script: "sklearn_plots.py", needs: "light", keys: ["held_out/accuracy"], artifacts: ["run_table"] },
  {
    script: "keras_callback.py",
    needs: "keras",
    keys: ["epoch/loss", "epoch/val_accuracy", "batch/loss"],
    artifacts: ["model"],
  },
  {
    script: "lightning_logger.py",
    needs: "torch",
    keys: ["train/loss", "held_out/loss", "epoch"],
    artifacts: ["model"],
  },
  { script: "trainer_callback.py", needs: "torch", keys: ["train/loss", "eval/loss"], artifacts: ["model"] },
  {
    script: "rl_zoo3.train",
    args: [
      ...["--algo", "ppo", "--env", "CartPole-v1", "-n", "2048", "--eval-freq", "-1", "--device", "cpu"],
      ...["--track", "--wandb-project-name", "integrations", "-tags", "zoo"],
    ],
    needs: "torch",
    keys: ["train/loss", "rollout/ep_rew_mean"],
  },
  {
    script: "open_clip_train.main",
    args: [
      ...["--dataset-type", "synthetic", "--train-num-samples", "12", "--batch-size", "4", "--epochs", "2"],
      ...["--model", "ViT-S-32-alt", "--device", "cpu", "--workers", "0", "--precision", "fp32"],
      ...["--warmup", "1", "--save-frequency", "0", "--log-every-n-steps", "1"],
      ...["--report-to", "wandb", "--wandb-project-name", "integrations"],
    ],
    needs: "torch",
    keys: ["train/loss", "train/lr"],
  },
];

suite("libraries' own integrations", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  for (const { script, args = [], needs, keys, artifacts = [] } of INTEGRATIONS) {
    const venv = integrationsVenv(needs);
    test(script.replace(".py", ""), {
      skip: !venv && `the ${needs} integrations are not installed`,
    }, async () => {
      const { code, stdout, stderr } = await runScript(venv ?? "", "../integrations/witness.py", server, {
        args: [script, ...args],
      });
      assert.equal(code, 0, stderr.slice(-4000));
      const witnessed = readWitness(stdout);
      assert.ok(witnessed.length > 0, "no run was started");
      for (const run of witnessed) await assertHeld(server, run);
      const logged = new Set(
        witnessed.flatMap(({ rows }) => rows.flatMap(({ values }) => Object.keys(values))),
      );
      for (const key of keys) assert.ok(logged.has(key), `${key} not in ${[...logged].join(", ")}`);
      const types = new Set(witnessed.flatMap((run) => run.artifacts.map(({ type }) => type)));
      for (const type of artifacts)
        assert.ok(types.has(type), `no ${type} artifact in ${[...types].join(", ")}`);
    });
  }
});

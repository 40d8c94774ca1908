import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type IntegrationResult, writeIntegrations } from "./compatibility.ts";
import { installedVersion, integrationsVenv, runScript } from "./python.ts";
import { type RunningServer, startServer } from "./server.ts";
import { assertHeld, type Compared, readWitness } from "./witnessed.ts";

interface Integration {
  /** As the table in `docs/compatibility.md` calls it. */
  name: string;
  /** Distributions whose versions the table tells, as their folders are called. */
  of: string[];
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
    name: "LightGBM, the client's callback",
    of: ["lightgbm"],
    script: "lightgbm_callback.py",
    needs: "light",
    keys: ["held_out_binary_logloss", "held_out_auc"],
    artifacts: ["model"],
  },
  {
    name: "XGBoost, the client's callback",
    of: ["xgboost_cpu"],
    script: "xgboost_callback.py",
    needs: "light",
    keys: ["validation_0-logloss", "validation_0-auc"],
    artifacts: ["model"],
  },
  {
    name: "Optuna, optuna-integration's callback",
    of: ["optuna", "optuna_integration"],
    script: "optuna_callback.py",
    needs: "light",
    keys: ["value", "x"],
  },
  {
    name: "skorch, its logger",
    of: ["skorch", "torch"],
    script: "skorch_callback.py",
    needs: "torch",
    keys: ["train_loss", "valid_acc"],
  },
  {
    name: "PyTorch Ignite, its logger",
    of: ["pytorch_ignite", "torch"],
    script: "ignite_logger.py",
    needs: "torch",
    keys: ["training/loss", "held_out/accuracy"],
  },
  {
    name: "Accelerate, its tracker",
    of: ["accelerate", "torch"],
    script: "accelerate_tracker.py",
    needs: "torch",
    keys: ["train/loss"],
  },
  {
    name: "scikit-learn, the client's plots",
    of: ["scikit_learn"],
    script: "sklearn_plots.py",
    needs: "light",
    keys: ["held_out/accuracy"],
    artifacts: ["run_table"],
  },
  {
    name: "Keras, the client's metrics and checkpoint callbacks",
    of: ["keras", "tensorflow_cpu"],
    script: "keras_callback.py",
    needs: "keras",
    keys: ["epoch/loss", "epoch/val_accuracy", "batch/loss"],
    artifacts: ["model"],
  },
  {
    name: "PyTorch Lightning, its logger",
    of: ["lightning", "torch"],
    script: "lightning_logger.py",
    needs: "torch",
    keys: ["train/loss", "held_out/loss", "epoch"],
    artifacts: ["model"],
  },
  {
    name: "Hugging Face Trainer, its `report_to`",
    of: ["transformers", "torch"],
    script: "trainer_callback.py",
    needs: "torch",
    keys: ["train/loss", "eval/loss"],
    artifacts: ["model"],
  },
  {
    name: "rl_zoo3, the whole training program",
    of: ["rl_zoo3", "stable_baselines3"],
    script: "rl_zoo3.train",
    args: [
      ...["--algo", "ppo", "--env", "CartPole-v1", "-n", "2048", "--eval-freq", "-1", "--device", "cpu"],
      ...["--track", "--wandb-project-name", "integrations", "-tags", "zoo"],
    ],
    needs: "torch",
    keys: ["train/loss", "rollout/ep_rew_mean"],
  },
  {
    name: "open_clip, the whole training program",
    of: ["open_clip_torch", "torch"],
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
  const results: IntegrationResult[] = [];
  before(async () => {
    server = await startServer();
  });
  after(async () => {
    await server.stop();
    writeIntegrations(
      INTEGRATIONS.map(({ name }) => name),
      results,
    );
  });

  for (const integration of INTEGRATIONS) {
    const { script, name, needs } = integration;
    const venv = integrationsVenv(needs);
    test(script.replace(".py", ""), {
      skip: !venv && `the ${needs} integrations are not installed`,
    }, async () => {
      if (venv === undefined) return;
      const versions = ["wandb", ...integration.of]
        .map((distribution) => `${distribution.replaceAll("_", "-")} ${installedVersion(venv, distribution)}`)
        .join(", ");
      try {
        const compared = inWords(await compare(server, venv, integration));
        results.push({ integration: name, versions, compared, result: "works" });
      } catch (error) {
        const [how = ""] = (error as Error).message.split("\n");
        results.push({ integration: name, versions, compared: "–", result: `differs: ${how}` });
        throw error;
      }
    });
  }
});

/** Run it and find on the server all that it handed to the client; what was compared for each of its runs. */
async function compare(
  server: RunningServer,
  venv: string,
  { script, args = [], keys, artifacts = [] }: Integration,
): Promise<Compared[]> {
  const { code, stdout, stderr } = await runScript(venv, "../integrations/witness.py", server, {
    args: [script, ...args],
  });
  assert.equal(code, 0, stderr.slice(-4000));
  const witnessed = readWitness(stdout);
  assert.ok(witnessed.length > 0, "no run was started");
  const compared: Compared[] = [];
  for (const run of witnessed) compared.push(await assertHeld(server, run));
  const logged = new Set(witnessed.flatMap(({ rows }) => rows.flatMap(({ values }) => Object.keys(values))));
  for (const key of keys) assert.ok(logged.has(key), `${key} not in ${[...logged].join(", ")}`);
  const types = new Set(witnessed.flatMap((run) => run.artifacts.map(({ type }) => type)));
  for (const type of artifacts) assert.ok(types.has(type), `no ${type} artifact in ${[...types].join(", ")}`);
  return compared;
}

function inWords(runs: readonly Compared[]): string {
  const some = (field: keyof Compared, one: string, more: string) => {
    const sum = runs.reduce((total, run) => total + run[field], 0);
    return sum === 0 ? [] : [`${sum} ${sum === 1 ? one : more}`];
  };
  return [
    runs.length === 1 ? "1 run" : `${runs.length} runs`,
    ...some("rows", "row", "rows"),
    ...some("values", "value", "values"),
    "configuration and summary",
    ...some("media", "media file", "media files"),
    ...some("artifacts", "artifact", "artifacts"),
  ].join(", ");
}

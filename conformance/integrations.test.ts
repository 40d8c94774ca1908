import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { integrationsVenv, runScript } from "./python.ts";
import { type RunningServer, startServer } from "./server.ts";

/**
 * Training libraries' own callbacks, as they ship, each in a short real training. What the run must then hold was read off
 * what the callback logs. The ones on PyTorch need gigabytes: they run when STEELYARD_TEST_INTEGRATIONS=all.
 */
const SCRIPTS: { script: string; needs: "light" | "torch"; keys: string[]; artifacts?: string[] }[] = [
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
  { script: "sklearn_plots.py", needs: "light", keys: ["held_out/accuracy"] },
  {
    script: "keras_callback.py",
    needs: "torch",
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
];

suite("libraries' own integrations", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  for (const { script, needs, keys, artifacts = [] } of SCRIPTS) {
    const venv = integrationsVenv(needs);
    test(script.replace(".py", ""), {
      skip: !venv && `the ${needs} integrations are not installed`,
    }, async () => {
      const { code, stdout, stderr } = await runScript(venv ?? "", `../integrations/${script}`, server);
      assert.equal(code, 0, stderr.slice(-4000));
      const path = /RUN (\S+)/.exec(stdout)?.[1];
      assert.ok(path, stdout.slice(-2000));
      const [entityName, projectName, runName] = path.split("/");
      const { project } = await server.query<{
        project: {
          run: {
            state: string;
            historyKeys: { keys: Record<string, unknown> };
            outputArtifacts: { edges: { node: { artifactType: { name: string }; state: string } }[] };
          };
        };
      }>(
        `query ($entityName: String, $projectName: String, $runName: String!) {
          project(name: $projectName, entityName: $entityName) {
            run(name: $runName) {
              state
              historyKeys
              outputArtifacts(first: 50) { edges { node { state artifactType { name } } } }
            }
          }
        }`,
        { entityName, projectName, runName },
      );
      assert.equal(project.run.state, "finished");
      const logged = Object.keys(project.run.historyKeys.keys);
      for (const key of keys) assert.ok(logged.includes(key), `${key} not in ${logged.join(", ")}`);
      const types = project.run.outputArtifacts.edges.map(({ node }) => node.artifactType.name);
      for (const type of artifacts)
        assert.ok(types.includes(type), `no ${type} artifact in ${types.join(", ")}`);
    });
  }
});

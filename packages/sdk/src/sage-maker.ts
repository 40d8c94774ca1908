import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Machine, Resolved } from "@steelyard/protocol/settings";
import { isPlainObject } from "./values.ts";

/** Where the container of a training job finds its hyperparameters; every value is a text. */
const HYPERPARAMETERS = "/opt/ml/input/config/hyperparameters.json";
/** In the working directory: KEY=VALUE lines, as the official client's `sagemaker_auth` writes them. */
const SECRETS = "secrets.env";
const KEY = "wandb_api_key";
const ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** What a training job of Amazon SageMaker tells its program. */
export interface SageMaker {
  /** Variables of `secrets.env`. */
  secrets: Record<string, string>;
  /** A key among the hyperparameters, the last place where one is looked for. */
  apiKey: string | undefined;
  /** Hyperparameters and the job's environment, without the key: a run's config is read by a team. */
  config: Record<string, unknown>;
  /** Name of the job. */
  job: string | undefined;
}

/** Undefined where no such job runs. */
export function sageMakerOf({ environment, exists, workingDirectory }: Machine): SageMaker | undefined {
  const { SM_TRAINING_ENV: trainingEnv, TRAINING_JOB_NAME: job } = environment;
  if (trainingEnv === undefined && !exists(HYPERPARAMETERS)) return undefined;
  const config: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(objectIn(textOf(HYPERPARAMETERS)))) config[key] = valueIn(value);
  if (exists(HYPERPARAMETERS) && job) config.sagemaker_training_job_name = job;
  Object.assign(config, objectIn(trainingEnv));
  const { [KEY]: apiKey, ...rest } = config;
  return {
    secrets: secretsIn(textOf(join(workingDirectory, SECRETS))),
    apiKey: typeof apiKey === "string" ? apiKey : undefined,
    config: rest,
    job: job || undefined,
  };
}

/** What is set counts more than the file. */
export function withSecrets(
  { secrets }: SageMaker,
  environment: Machine["environment"],
): Machine["environment"] {
  const said = Object.entries(environment).filter(([, text]) => text?.trim());
  return { ...secrets, ...Object.fromEntries(said) };
}

/** A key and the job's name for run and group, where nobody said otherwise. Several containers are runs of one group. */
export function applySageMaker(
  { apiKey, job }: SageMaker,
  { settings, origins }: Pick<Resolved, "settings" | "origins">,
  environment: Machine["environment"],
): void {
  if (settings.apiKey === undefined && apiKey !== undefined) {
    settings.apiKey = apiKey;
    // As a file's: netrc counts more.
    origins.apiKey = { kind: "file", name: HYPERPARAMETERS };
  }
  if (job === undefined || settings.runId !== undefined) return;
  let random = "";
  for (let at = 0; at < 6; at++) random += ID_LETTERS[randomInt(ID_LETTERS.length)];
  settings.runId = `${job}-${random}-${environment.CURRENT_HOST || hostname()}`;
  settings.group ??= job;
}

function secretsIn(text: string | undefined): Record<string, string> {
  const lines = (text ?? "").split(/\r?\n/).map((line) => /^(WANDB_\w+)=(.*)$/.exec(line.trim()));
  return Object.fromEntries(lines.flatMap((found) => (found ? [[found[1] ?? "", found[2] ?? ""]] : [])));
}

/** A search of hyperparameters puts its values in quotes. */
function valueIn(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const text = value.replace(/^"(.*)"$/s, "$1");
  return /^-?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : text;
}

function objectIn(json: string | undefined): Record<string, unknown> {
  try {
    const value = JSON.parse(json ?? "{}") as unknown;
    return isPlainObject(value) ? value : {};
  } catch {
    return {};
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

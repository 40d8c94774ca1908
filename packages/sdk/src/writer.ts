import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { LoadedSettings } from "./machine.ts";
import { randomId } from "./run-folder.ts";

/** This process as one of those that write a run. */
export interface Writer {
  /** In shared mode its own, by which the server knows its lines; else "". */
  id: string;
  /** Of its console lines and system metrics; "" for none. */
  label: string;
  /** Keeps `config.yaml`, `wandb-summary.json`, `wandb-metadata.json` and `requirements.txt`. */
  primary: boolean;
  /** Its end is the run's. */
  endsRun: boolean;
}

export function writerOf({ settings, machine }: LoadedSettings): Writer {
  const shared = settings.mode === "shared";
  return {
    id: shared ? randomUUID() : "",
    label: settings.label ?? (shared ? ownLabel(settings.host, machine.environment.RANK) : ""),
    primary: settings.primary,
    endsRun: settings.updateFinishState,
  };
}

/** One of many is known by its rank, where a launcher has given it one; else by its machine. */
function ownLabel(host: string | undefined, rank: string | undefined): string {
  return rank?.trim() ? `rank${rank.trim()}` : `${host ?? hostname()}-${randomId()}`;
}

/** What tells the server that the run has several writers, and which this one is. */
export function writerHeaders({ id }: Pick<Writer, "id">): Record<string, string> {
  if (id === "") return {};
  return { "x-wandb-use-async-filestream": "true", "x-wandb-client-id": id, "x-wandb-async-client-id": id };
}

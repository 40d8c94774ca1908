import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { request } from "../api/client.ts";
import { saveFile } from "../ui/save-file.ts";

export interface SqlAnswer {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  truncated: boolean;
  /** From question to answer, as the page waited. */
  ms: number;
}

export interface Where {
  entity: string;
  project: string;
}

/** Asked once for a text; a query of the same text is asked again only when somebody wants it. */
export function useSql(where: Where, sql: string): UseQueryResult<SqlAnswer> {
  return useQuery({
    queryKey: ["sql", where.entity, where.project, sql],
    enabled: sql !== "",
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      const began = performance.now();
      const response = await ask(where, sql, {}, signal);
      const answer = (await response.json()) as Omit<SqlAnswer, "ms">;
      return { ...answer, ms: performance.now() - began };
    },
  });
}

export const FILES = ["csv", "jsonl", "parquet"] as const;

/** All rows of the answer, as a file of the browser's. */
export async function downloadSql(where: Where, sql: string, format: (typeof FILES)[number]): Promise<void> {
  const response = await ask(where, sql, { format });
  saveFile(await response.blob(), `${where.project}.${format}`);
}

function ask({ entity, project }: Where, sql: string, more: object, signal?: AbortSignal): Promise<Response> {
  return request("/api/v1/sql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ entity, project, sql, ...more }),
    signal: signal ?? null,
  });
}

export const CLIENTS: { version: string; with: string[] }[];
export function preparePythonClients(): { folder: string; missing: string[] };
export function prepareEnvironments(
  folder: string,
  environments: readonly { name: string; packages: readonly string[] }[],
): { name: string | undefined; reason: string }[];

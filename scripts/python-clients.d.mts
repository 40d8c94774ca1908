export const CLIENTS: { version: string; with: string[] }[];
export function preparePythonClients(): { folder: string; missing: string[] };

/** What the server was told; one table makes the flags, the variables and the documentation (`docs/server.md`). */
export interface Config {
  host: string;
  port: number;
  dataDir: string;
  /** Address that clients and browsers reach us by, no trailing slash; undefined = taken from each request. */
  publicUrl: string | undefined;
  databaseUrl: string;
  metricsUrl: string;
  blobsUrl: string;
  adminApiKey: string | undefined;
}

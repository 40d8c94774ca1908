/**
 * `GET /api/v1/live?entity=E&project=P` (server-sent events; cookie or key). One event name, `change`, whose data is one
 * `LiveChange` as JSON; a comment line every 15 s keeps proxies from closing it. A change says what is stale, never the
 * data itself: the page asks again for what it shows. Without `project`, changes of every project the viewer may read.
 */
export type LiveChange =
  | { kind: "run"; entity: string; project: string; run: string; state: string }
  | {
      kind: "rows";
      entity: string;
      project: string;
      run: string;
      streams: ("history" | "events" | "console")[];
    }
  | { kind: "files"; entity: string; project: string; run: string }
  | { kind: "deleted"; entity: string; project: string; run: string }
  | { kind: "project"; entity: string; project: string };

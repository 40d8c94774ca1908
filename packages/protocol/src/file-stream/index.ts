/**
 * The body of `POST /files/{entity}/{project}/{run}/file_stream`, the one request a run sends its rows with. Every key may
 * be absent; `{}` is a heartbeat. Lines carry no newline. A line's place is `offset + index`, counted per file.
 */
export interface FileStreamRequest {
  files?: Record<string, FileStreamChunk>;
  /** Run files whose upload is complete. */
  uploaded?: string[];
  preempting?: boolean;
  complete?: boolean;
  /** With `complete`; int32. */
  exitcode?: number;
  /** Old clients: chunks given up so far. */
  dropped?: number;
}

export interface FileStreamChunk {
  offset: number;
  content: string[];
}

/** Old clients obey `limits`; newer ones only `stopped`. */
export interface FileStreamAnswer {
  stopped?: true;
}

/** Names with a meaning of their own; any other is a text file of the run kept by lines. */
export const FILE_STREAM_NAMES = {
  history: "wandb-history.jsonl",
  events: "wandb-events.jsonl",
  summary: "wandb-summary.json",
  console: "output.log",
} as const;

/** A body that can never be right: the request must not be sent again. */
export class FileStreamFormatError extends Error {}

/** Most lines of one chunk: the client batches 10 MiB, so more is a mistake or an attack. */
const MAX_LINES = 2_000_000;

/** Throws FileStreamFormatError naming the part that is wrong. */
export function parseFileStreamRequest(text: string): FileStreamRequest {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw new FileStreamFormatError(`the body is not JSON: ${(cause as Error).message}`);
  }
  if (!isObject(body)) throw new FileStreamFormatError("the body must be a JSON object");
  const request: FileStreamRequest = {};
  if (body.files != null) {
    if (!isObject(body.files))
      throw new FileStreamFormatError("files must be an object of name → {offset, content}");
    request.files = {};
    for (const [name, chunk] of Object.entries(body.files)) request.files[name] = parseChunk(name, chunk);
  }
  if (body.uploaded != null) {
    if (!isStrings(body.uploaded)) throw new FileStreamFormatError("uploaded must be a list of file names");
    request.uploaded = body.uploaded;
  }
  if (body.preempting === true) request.preempting = true;
  if (body.complete === true) {
    const exitcode = body.exitcode ?? 0;
    if (!Number.isInteger(exitcode)) throw new FileStreamFormatError("exitcode must be an integer");
    request.complete = true;
    request.exitcode = exitcode as number;
  }
  if (typeof body.dropped === "number") request.dropped = body.dropped;
  return request;
}

function parseChunk(name: string, chunk: unknown): FileStreamChunk {
  if (!isObject(chunk)) throw new FileStreamFormatError(`files["${name}"] must be {offset, content}`);
  const offset = chunk.offset ?? 0;
  if (!Number.isSafeInteger(offset) || (offset as number) < 0) {
    throw new FileStreamFormatError(`files["${name}"].offset must be a whole number from 0`);
  }
  // A text file of old clients may come as one string.
  const content = typeof chunk.content === "string" ? [chunk.content] : (chunk.content ?? []);
  if (!isStrings(content))
    throw new FileStreamFormatError(`files["${name}"].content must be a list of lines`);
  if (content.length > MAX_LINES)
    throw new FileStreamFormatError(`files["${name}"].content has more than ${MAX_LINES} lines`);
  return { offset: offset as number, content };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

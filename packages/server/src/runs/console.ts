/** One line of `logLines`, and of the page's console. */
export interface LogLine {
  number: number;
  /** ISO 8601 in UTC; null when the line has none. */
  timestamp: string | null;
  /** `error` for standard error; null for the rest. */
  level: string | null;
  label: string | null;
  line: string;
}

/** `[ERROR ]2026-08-01T10:00:00.000000[Z] text`: how clients without structured lines write. */
const PLAIN = /^(ERROR )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z?) ?([\s\S]*)$/;

/**
 * A stored console line in either of its forms: the JSON of clients that were told of STRUCTURED_CONSOLE_LOGS
 * (`{level?, ts, label?, content}`), or text with a prefix. Text of neither form is its own content.
 */
export function parseLogLine(number: number, text: string): LogLine {
  const stored = text.endsWith("\n") ? text.slice(0, -1) : text;
  if (stored.startsWith("{")) {
    const structured = parseStructured(number, stored);
    if (structured) return structured;
  }
  const match = PLAIN.exec(stored);
  if (match) {
    return {
      number,
      timestamp: `${match[2]}Z`,
      level: match[1] === undefined ? null : "error",
      label: null,
      line: match[4] ?? "",
    };
  }
  const error = stored.startsWith("ERROR ");
  return {
    number,
    timestamp: null,
    level: error ? "error" : null,
    label: null,
    line: error ? stored.slice(6) : stored,
  };
}

function parseStructured(number: number, text: string): LogLine | undefined {
  let value: { level?: unknown; ts?: unknown; label?: unknown; content?: unknown };
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value.content !== "string" || typeof value.ts !== "string") return undefined;
  return {
    number,
    timestamp: /[Z+]/.test(value.ts) ? value.ts : `${value.ts}Z`,
    level: typeof value.level === "string" ? value.level : null,
    label: typeof value.label === "string" ? value.label : null,
    line: value.content,
  };
}

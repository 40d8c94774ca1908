import { randomInt } from "node:crypto";
import { SteelyardError } from "../errors.ts";

/** What would break an address or a global id; the official client refuses them too. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const FORBIDDEN = /[/\\#?%:\u0000-\u001f\u007f]/;
/** The hosted service's limit for both. */
const MAX_NAME = 128;
const MAX_TEXT: Record<string, number> = { displayName: 2_000, notes: 1_000_000, description: 1_000_000 };

/** Throws invalid-name; returns the name. */
export function checkName(what: "run" | "project", name: string): string {
  const problem =
    name === "" || name.trim() !== name
      ? "is empty or begins or ends with a blank"
      : name.length > MAX_NAME
        ? `is longer than ${MAX_NAME} characters`
        : FORBIDDEN.test(name)
          ? "has one of / \\ # ? % : or a control character in it"
          : name === "." || name === ".."
            ? "means a folder"
            : undefined;
  if (problem === undefined) return name;
  throw new SteelyardError(
    "invalid-name",
    `the ${what} ${what === "run" ? "id" : "name"} ${JSON.stringify(name.slice(0, 60))} ${problem}; choose another`,
  );
}

/** Bounds a free text of a run; throws bad-request. */
export function checkText(field: string, text: string | null | undefined): void {
  const limit = MAX_TEXT[field] ?? 1_000;
  if (text && text.length > limit) {
    throw new SteelyardError("bad-request", `${field} is longer than ${limit} characters; shorten it`);
  }
}

/** Most tags a run may have, and the longest of them. */
export function checkTags(tags: readonly string[]): string[] {
  const kept = [...new Set(tags)];
  if (kept.length > 1_000) throw new SteelyardError("bad-request", "a run may have 1000 tags; give fewer");
  const wrong = kept.find((tag) => tag === "" || tag.length > 256);
  if (wrong === undefined) return kept;
  throw new SteelyardError("invalid-name", "a tag must have 1 to 256 characters");
}

const ID_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** A new public run id: 8 letters and digits, as the client's own. */
export function newRunName(): string {
  return Array.from({ length: 8 }, () => ID_LETTERS[randomInt(ID_LETTERS.length)]).join("");
}

const ADJECTIVES =
  "amber ancient brave breezy bright brisk calm candid clear clever copper cosmic crimson crisp curious dapper daring deep eager early easy fabled fair faithful fancy fresh frosty gentle giddy glad golden graceful grand hardy hidden honest humble icy jolly keen kind lively lucky lunar mellow merry mild misty noble pale patient placid polished proud quiet rapid royal rustic serene sharp silent silver sleek smooth snowy solar solid sparkling spring steady still summer sunny swift tidy vivid warm wise young".split(
    " ",
  );
const NOUNS =
  "anchor aspen badger balance beacon bird breeze brook canyon cedar cherry cloud comet coral crane creek dawn delta dew dune eagle ember falcon feather fern field finch firefly flower forest fox galaxy garden glade glacier grove harbor haze heron hill island jasper jungle lake lantern leaf lever lily maple marsh meadow moon morning mountain oak ocean orchard otter pebble pine plain planet pond quartz rain raven reef ridge river rock sea shadow shore sky smoke snow sound sparrow spruce star stone storm stream sun surf thunder tide tree valley violet water wave wildflower wind wood".split(
    " ",
  );

/** A display name for the n-th run of a project (from 1): `adjective-noun-n`. */
export function generateDisplayName(n: number): string {
  return `${ADJECTIVES[randomInt(ADJECTIVES.length)]}-${NOUNS[randomInt(NOUNS.length)]}-${n}`;
}

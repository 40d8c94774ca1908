import { EXIT } from "./exit-status.ts";
import { CommandError } from "./terminal.ts";

/** What a user calls an artifact; the name may have its version or an alias. */
export function artifactPathOf(text: string): { entity?: string; project?: string; name: string } {
  const parts = text.split("/");
  const name = parts.pop() ?? "";
  if (name === "" || name.startsWith(":") || parts.length > 2 || parts.includes(""))
    throw new CommandError(
      `an artifact is named by name, project/name or entity/project/name, perhaps with :version; "${text}" is not`,
      EXIT.usage,
    );
  const [project, entity] = parts.reverse();
  return { entity, project, name };
}

export { SCHEMA_SDL } from "./schema.ts";

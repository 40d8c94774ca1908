export * from "./live/index.ts";
export * from "./series/index.ts";

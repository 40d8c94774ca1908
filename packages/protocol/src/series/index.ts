export * from "./reply.ts";
export * from "./request.ts";
export * from "./splice.ts";

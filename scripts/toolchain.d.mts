export const COMPILE_CACHE: Record<string, string>;

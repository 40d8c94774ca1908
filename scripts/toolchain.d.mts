export const ROOT: string;
export const COMPILE_CACHE: Record<string, string>;

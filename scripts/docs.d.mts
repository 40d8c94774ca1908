export function serverDocument(): { path: string; before: string; text: string };

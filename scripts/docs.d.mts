export function documents(): { path: string; before: string; text: string }[];

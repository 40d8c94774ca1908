export function withGenerated(text: string, name: string, make: (before: string) => string): string;
export function tableRow(cells: readonly string[]): string;
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string;

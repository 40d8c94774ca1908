import type { ReactNode } from "react";

/** Drawn, in the size and stroke of the mark: fonts differ in such signs, or lack them. */
function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      width="14"
      height="14"
      viewBox="0 0 14 14"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export function TableIcon() {
  return (
    <Icon>
      <path d="M1.6 2.6h10.8v8.8H1.6zM1.6 5.6h10.8M1.6 8.5h10.8M5.4 5.6v5.8" />
    </Icon>
  );
}

/** The f of a function. */
export function FunctionIcon() {
  return (
    <Icon>
      <path d="M10.2 2.4c-2.2-.9-3 .3-3.4 2.4L5.8 10c-.4 1.8-1.2 2.4-2.8 1.6M3.8 5.8h5.4" />
    </Icon>
  );
}

export function ExpandIcon() {
  return (
    <Icon>
      <path d="M8.4 1.8h3.8v3.8M12 2 8.2 5.8M5.6 12.2H1.8V8.4M2 12l3.8-3.8" />
    </Icon>
  );
}

export function CloseIcon() {
  return (
    <Icon>
      <path d="m3 3 8 8M11 3l-8 8" />
    </Icon>
  );
}

export function CopyIcon() {
  return (
    <Icon>
      <path d="M2.6 4.6h6.8v6.8H2.6zM4.8 4.4V2.6h6.6v6.6H9.6" />
    </Icon>
  );
}

export function LinkIcon() {
  return (
    <Icon>
      <path d="M6 8a2.4 2.4 0 0 0 3.5 0l1.9-2a2.4 2.4 0 0 0-3.4-3.4l-1 1M8 6a2.4 2.4 0 0 0-3.5 0l-1.9 2A2.4 2.4 0 0 0 6 11.4l1-1" />
    </Icon>
  );
}

import { useState } from "react";

/** Options in the page before anyone opens the list; the metrics of a project can be thousands. */
const AT_FIRST = 100;

/** The browser's own select, whose options beyond the first come when it is about to be opened. */
export function LongSelect({
  label,
  value,
  options,
  onChange,
  className = "",
}: {
  label: string;
  value: string;
  options: readonly { value: string; label: string }[];
  onChange: (value: string) => void;
  className?: string;
}) {
  const [whole, setWhole] = useState(false);
  const shown = whole ? options : options.filter((one, at) => at < AT_FIRST || one.value === value);
  return (
    <select
      className={`field ${className}`}
      aria-label={label}
      title={label}
      value={value}
      onPointerDown={() => setWhole(true)}
      onFocus={() => setWhole(true)}
      onChange={(event) => onChange(event.target.value)}
    >
      {shown.map((one) => (
        <option key={one.value} value={one.value}>
          {one.label}
        </option>
      ))}
    </select>
  );
}

import { RelativeTime, StateBadge } from "../ui/controls.tsx";
import { shortNumber } from "../ui/format.ts";
import { show } from "../ui/show.ts";
import { cellOf, type RunValues } from "./columns.ts";

/** One value of one run; numbers short, the whole of them on hover. */
export function Cell({ id, row }: { id: string; row: RunValues }) {
  const value = cellOf(row, id);
  if (id === "state") {
    return (
      <span role="gridcell">
        <StateBadge state={row.run.state} />
      </span>
    );
  }
  if (id === "tags") {
    return (
      <span role="gridcell">
        {row.run.tags.map((tag) => (
          <span key={tag} className="tag">
            {tag}
          </span>
        ))}
      </span>
    );
  }
  if (id === "created") {
    return (
      <span role="gridcell">
        <RelativeTime iso={row.run.createdAt} />
      </span>
    );
  }
  if (typeof value === "number") {
    return (
      <span role="gridcell" className="mono number" title={String(value)}>
        {shortNumber(value)}
      </span>
    );
  }
  const text = value === undefined || value === null ? "" : show(value);
  return (
    <span role="gridcell" title={text} className={id === "duration" ? "mono number" : ""}>
      {text}
    </span>
  );
}

import { useState } from "react";
import { t } from "../i18n/index.ts";
import { SearchField } from "../ui/SearchField.tsx";
import { FIXED_COLUMNS, labelOf } from "./columns.ts";

export function ColumnPicker({
  paths,
  chosen,
  onChange,
}: {
  paths: string[];
  chosen: string[];
  onChange: (next: string[]) => void;
}) {
  const [text, setText] = useState("");
  const found = paths.filter((path) => path.toLowerCase().includes(text.toLowerCase())).slice(0, 200);
  return (
    <div style={{ width: 280 }}>
      <SearchField style={{ width: "100%" }} label={t("common.search")} value={text} onText={setText} />
      {found.map((path) => (
        <label key={path} className="item" style={{ cursor: "pointer" }}>
          <input
            type="checkbox"
            checked={chosen.includes(path)}
            onChange={() =>
              onChange(chosen.includes(path) ? chosen.filter((id) => id !== path) : [...chosen, path])
            }
          />
          <span className="mono" style={{ overflowWrap: "anywhere" }}>
            {FIXED_COLUMNS.includes(path) ? labelOf(path) : path}
          </span>
        </label>
      ))}
    </div>
  );
}

import { t } from "../i18n/index.ts";
import { Button, Popover } from "../ui/controls.tsx";
import { whileComposing } from "../ui/SearchField.tsx";
import { FIXED_COLUMNS } from "./columns.ts";
import { type Condition, OPERATORS, type Operator, packConditions } from "./filters.ts";

/** The conditions as chips, and a form for one more. */
export function FilterBar({
  conditions,
  columns,
  onChange,
}: {
  conditions: Condition[];
  columns: readonly string[];
  onChange: (next: Condition[]) => void;
}) {
  return (
    <>
      {conditions.map((condition, index) => (
        <span key={packConditions([condition])} className="tag filter-chip">
          <span className="mono">
            {condition.field} {condition.operator} {condition.value}
          </span>
          <button
            type="button"
            aria-label={`${t("common.delete")}: ${condition.field}`}
            onClick={() => onChange(conditions.filter((_one, at) => at !== index))}
          >
            ✕
          </button>
        </span>
      ))}
      <Popover label={t("table.addFilter")} face={`+ ${t("table.filter")}`}>
        {(close) => (
          <form
            className="filter-form"
            onKeyDown={whileComposing}
            onSubmit={(event) => {
              event.preventDefault();
              const form = new FormData(event.currentTarget);
              onChange([
                ...conditions,
                {
                  field: String(form.get("field")),
                  operator: form.get("operator") as Operator,
                  value: String(form.get("value") ?? ""),
                },
              ]);
              close();
            }}
          >
            <input
              className="field"
              name="field"
              list="filter-fields"
              required
              aria-label={t("table.field")}
              placeholder={t("table.field")}
            />
            <datalist id="filter-fields">
              {["name", ...FIXED_COLUMNS, ...columns].map((path) => (
                <option key={path} value={path} />
              ))}
            </datalist>
            <select className="field" name="operator" aria-label={t("table.operator")}>
              {OPERATORS.map((operator) => (
                <option key={operator}>{operator}</option>
              ))}
            </select>
            <input
              className="field"
              name="value"
              aria-label={t("common.value")}
              placeholder={t("common.value")}
            />
            <Button kind="primary" type="submit">
              {t("table.apply")}
            </Button>
          </form>
        )}
      </Popover>
    </>
  );
}

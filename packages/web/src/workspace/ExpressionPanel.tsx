import { useRef } from "react";
import { t } from "../i18n/index.ts";
import { Button } from "../ui/controls.tsx";
import { problemIn } from "./expression-text.ts";
import { LinePanel } from "./LinePanel.tsx";
import { PanelFrame } from "./PanelFrame.tsx";
import { usePanelContext } from "./panel-context.ts";
import type { PanelPlan } from "./sections.ts";

/** Lines of an expression over keys; of one that is wrong, what is wrong with it. */
export default function ExpressionPanel({ panel, text }: { panel: PanelPlan; text: string }) {
  const box = useRef<HTMLElement>(null);
  const { editExpression } = usePanelContext();
  const problem = problemIn(text);
  if (!problem) return <LinePanel panel={panel} />;
  return (
    <PanelFrame panel={panel} box={box} isStale={false} notes={[]}>
      <div className="plot">
        <div className="note" role="alert">
          <p className="error-text">{problem.text}</p>
          <Button onClick={() => editExpression(panel)}>{t("expression.edit")}</Button>
        </div>
      </div>
    </PanelFrame>
  );
}

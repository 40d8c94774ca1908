import { useRef } from "react";
import { t } from "../i18n/index.ts";
import { Button } from "../ui/controls.tsx";
import { problemIn } from "./expression-text.ts";
import { LinePanel, type LinePanelProps } from "./LinePanel.tsx";
import { PanelFrame } from "./PanelFrame.tsx";
import { usePanelContext } from "./panel-context.ts";

/** Lines of an expression over keys; of one that is wrong, what is wrong with it. */
export default function ExpressionPanel({ text, ...line }: LinePanelProps & { text: string }) {
  const { panel } = line;
  const box = useRef<HTMLElement>(null);
  const { editExpression } = usePanelContext();
  const problem = problemIn(text);
  if (!problem) return <LinePanel {...line} />;
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

import { useLayoutEffect, useRef, useState } from "react";
import { hoveredX, onHoverX } from "./crosshair.ts";
import { plotHeight, plotWidth, type XKind } from "./draw.ts";
import type { Layout } from "./layout.ts";

/**
 * The upright line at the x that is looked at, in whichever chart that is. It follows the pointer in every chart of the
 * page, so it is moved by hand: rendering them all would take a good part of each frame.
 */
export function Crosshair({
  layout,
  xKind,
  cursor,
}: {
  layout: Layout;
  xKind: XKind;
  /** x chosen by keys in this chart. */
  cursor: number | undefined;
}) {
  const line = useRef<HTMLDivElement>(null);
  const [isShown, setShown] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is not there cannot be placed: once more when it is
  useLayoutEffect(() => {
    const { frame, xs } = layout;
    const place = () => {
      const x = cursor ?? hoveredX(xKind);
      const at = x === undefined ? Number.NaN : frame.left + xs.at(x) * plotWidth(frame);
      const isIn = at >= frame.left && at <= frame.width - frame.right;
      setShown(isIn);
      if (isIn && line.current) line.current.style.transform = `translateX(${Math.round(at)}px)`;
    };
    place();
    return onHoverX(place);
  }, [layout, xKind, cursor, isShown]);
  if (!isShown) return null;
  const { frame } = layout;
  return <div ref={line} className="crosshair" style={{ top: frame.top, height: plotHeight(frame) }} />;
}

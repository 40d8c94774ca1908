import { type ComponentType, type ReactNode, useEffect, useState } from "react";
import { Skeleton } from "./controls.tsx";

export interface Screen<Props extends object> {
  (props: Props): ReactNode;
  /** Asks for its code before it is shown. */
  fetch(): Promise<void>;
}

/**
 * A component whose code is a file of its own. React's `lazy` would do the same, but what it once showed a placeholder for
 * it keeps back until 300 ms have passed: a third of the time to the first chart.
 */
export function screen<Props extends object>(
  load: () => Promise<{ default: ComponentType<Props> }>,
  placeholder: ReactNode = <Skeleton lines={8} />,
): Screen<Props> {
  let Loaded: ComponentType<Props> | undefined;
  let coming: Promise<void> | undefined;
  const fetch = () => {
    coming ??= load().then(
      (module) => {
        Loaded = module.default;
      },
      (error: unknown) => {
        // Asked for again, it may come.
        coming = undefined;
        throw error;
      },
    );
    return coming;
  };
  function Screen(props: Props) {
    const [state, setState] = useState<{ error?: unknown }>();
    const isShown = Loaded !== undefined;
    useEffect(() => {
      // Not by `Loaded`: it may have come between the drawing of the placeholder and now.
      if (isShown) return;
      let shown = true;
      fetch().then(
        () => shown && setState({}),
        (error: unknown) => shown && setState({ error }),
      );
      return () => {
        shown = false;
      };
    }, [isShown]);
    if (state?.error) throw state.error;
    return Loaded ? <Loaded {...props} /> : placeholder;
  }
  Screen.fetch = fetch;
  return Screen;
}

import { type InputHTMLAttributes, type KeyboardEvent, useEffect, useRef, useState } from "react";

type Props = Omit<InputHTMLAttributes<HTMLInputElement>, "value" | "onChange" | "aria-label"> & {
  label: string;
  value: string;
  /** Not called while an input method is composing: half of a syllable is nothing to search for. */
  onText: (text: string) => void;
};

export function SearchField({ label, value, onText, className = "", ...rest }: Props) {
  const [text, setText] = useState(value);
  const composing = useRef(false);
  useEffect(() => {
    if (!composing.current) setText(value);
  }, [value]);
  return (
    <input
      {...rest}
      className={`field ${className}`}
      aria-label={label}
      placeholder={rest.placeholder ?? label}
      value={text}
      onCompositionStart={() => {
        composing.current = true;
      }}
      onCompositionEnd={(event) => {
        composing.current = false;
        onText(event.currentTarget.value);
      }}
      onChange={(event) => {
        setText(event.target.value);
        if (!composing.current) onText(event.target.value);
      }}
    />
  );
}

/** For the keys of a form: Enter that ends a composition does not send the form. */
export function whileComposing(event: KeyboardEvent): boolean {
  if (!event.nativeEvent.isComposing) return false;
  if (event.key === "Enter") event.preventDefault();
  return true;
}

import { useEffect, useState } from "react";

const pause = 400; // ms without a change

/** useSettled gives a value once it has not changed for a while: so the host is not asked with each key. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pause);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

import { Tooltip as Radix } from "radix-ui";
import type { ReactNode } from "react";

/** Tooltip says more of what has the focus or the pointer. What nobody may miss does not stand in one. */
export function Tooltip({ text, children }: { text: string; children: ReactNode }) {
  return (
    <Radix.Provider delayDuration={300}>
      <Radix.Root>
        <Radix.Trigger asChild>{children}</Radix.Trigger>
        <Radix.Portal>
          <Radix.Content sideOffset={6} className="z-50 max-w-72 rounded-md bg-surface px-2 py-1 text-small text-ink shadow-float">
            {text}
          </Radix.Content>
        </Radix.Portal>
      </Radix.Root>
    </Radix.Provider>
  );
}
